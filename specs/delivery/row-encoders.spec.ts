import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { createBus } from '../../src/bus/bus.ts';
import { createExtensionContext, defaultSettings } from '../../src/cli/extension/extension-context.ts';
import { parseSettings } from '../../src/config/parse.ts';
import { RowEncoders } from '../../src/delivery/row-encoders.ts';
import type { Query } from '../../src/vocabulary/model.ts';
import { isRowProblem } from '../../src/vocabulary/row-values.ts';
import { sampleHost } from '../support/sample-host.ts';

const query: Query = {
  vocabulary: 'zeek-osquery',
  event: 'spec::load',
  sql: 'SELECT 1e999 AS load',
  cookie: '',
  responseTopic: '/bro/osquery/load',
  updateType: 'BOTH',
  initialRows: true,
  queryId: '',
  zeekInstance: '',
};

test('an endless number goes to a Zeek of the native protocol and is reported where its way is JSON', () => {
  const runtime = { now: () => 0, random: () => 0.5, uuid: () => '5ba5a5e5-0000-4000-8000-000000000001' };
  const bus = createBus({ now: runtime.now, onFailure: (error) => assert.fail(String(error)) });
  const context = createExtensionContext({ runtime, log: pino({ level: 'silent' }), bus, version: '1.0.0' });
  const parsed = parseSettings({ endpoints: ['a:9999', 'ws://b:9997', 'nats://c:4222'] });
  assert.ok('settings' in parsed);
  context.takeSettings({ ...defaultSettings(), endpoints: parsed.settings.endpoints });
  const encoders = new RowEncoders({ ...context, host: sampleHost });
  const row = { change: 'ADDED', initial: false, unixTime: 1, columns: { load: 'inf.0' } } as const;
  assert.deepEqual(
    parsed.settings.endpoints.map(({ peer }) => {
      const encode = encoders.of({ name: 'q', peer, query, columns: [{ name: 'load', type: 'DOUBLE' }] });
      return [peer, isRowProblem(encode(row))];
    }),
    [
      ['a:9999', false],
      ['ws://b:9997/v1/messages/json', true],
      ['nats://c:4222', true],
    ],
  );
});
