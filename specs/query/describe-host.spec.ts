import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pino } from 'pino';
import { createBus } from '../../src/bus/bus.ts';
import { createExtensionContext } from '../../src/cli/extension/extension-context.ts';
import { OsqueryError } from '../../src/osquery/osquery-error.ts';
import { describeHost } from '../../src/query/describe-host-store.ts';

test('a host of which osquery can say nothing has an id of its own, and keeps it', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'bro-host-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const context = createExtensionContext({
    runtime: { now: () => 0, random: () => 0, uuid: randomUUID },
    log: pino({ level: 'silent' }),
    bus: createBus({ now: () => 0, onFailure: (error) => assert.fail(String(error)) }),
    version: '0.1.0',
  });
  const client = { query: () => Promise.reject(new OsqueryError('refused', 'no such table', 1)) };
  const noFacts = { tables: new Set<string>(), platform: 'linux', hasSystemLog: false } as const;
  const facts = { read: () => Promise.resolve(noFacts) };
  const idOf = async () => (await describeHost(client, context, join(directory, 'state'), facts)).id;
  const id = await idOf();
  assert.match(id, /^[-0-9a-f]{36}$/);
  assert.equal(await idOf(), id);
  // Power went while it was being written.
  writeFileSync(join(directory, 'state/host-id'), '');
  const other = await idOf();
  assert.match(other, /^[-0-9a-f]{36}$/);
  assert.notEqual(other, id);
  assert.equal(readFileSync(join(directory, 'state/host-id'), 'utf8'), `${other}\n`);
});
