import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { createActor } from 'xstate';
import { loggerPluginMachine } from '../../../../actors/logger-plugin.machine.ts';
import { createBus } from '../../../../src/bus/bus.ts';
import { createExtensionContext } from '../../../../src/cli/extension/extension-context.ts';
import { Plugins } from '../../../../src/cli/extension/ports/plugins.ts';
import type { Appended } from '../../../../src/delivery/journal.ts';
import type { Handover } from '../../../../src/delivery/ports.ts';
import { DistributedExecutions } from '../../../../src/osquery/distributed-executions.ts';
import { busProbe } from '../../../support/machine-ports.ts';

/** The plugins, before a journal that takes lines but for those that say `refuse`, and the logger plugin's machine. */
function startLogger() {
  const context = createExtensionContext({
    runtime: { now: () => 0, random: () => 0, uuid: () => 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa' },
    log: pino({ level: 'silent' }),
    bus: createBus({ now: () => 0, onFailure: (error) => assert.fail(String(error)) }),
    version: '1.0.0',
  });
  const courier = {
    async take({ payload }: Handover): Promise<Appended> {
      if (Buffer.from(payload).includes('refuse')) {
        return { accepted: false, reason: 'disk', message: 'no space left', sequence: 1 };
      }
      const entry = { sequence: 1, kind: 'log', receivedAt: 0, header: null, payload, next: 2 } as const;
      return { accepted: true, entry };
    },
  };
  const plugins = new Plugins(context, {
    courier: Promise.resolve(courier),
    inOrder: (_line, take) => take(),
    schedule: async () => '{}',
    executions: new DistributedExecutions(),
    onStatus: () => {},
    wantsEvents: () => false,
    onShutdown: () => {},
    table: async () => ({ code: 1, message: '', rows: [] }),
  });
  const bus = busProbe();
  const actor = createActor(
    loggerPluginMachine.provide({
      actions: { publish: bus.publish },
      actors: { inbox: bus.inbox, calls: plugins.port() },
    }),
  );
  actor.start();
  const call = (request: Readonly<Record<string, string>>) =>
    plugins.call('logger', 'bro', new Map(Object.entries(request)));
  return { actor, bus, call, state: () => actor.getSnapshot().value };
}

test('a call that is refused between two that are taken is seen, at once, and osqueryd is answered OK', async (t) => {
  // No second passes, after which counts are told.
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { actor, bus, call, state } = startLogger();
  t.after(() => actor.stop());
  assert.equal(state(), 'unattached');
  await call({ init: 'osqueryd', log: '' });
  assert.equal(state(), 'receiving');
  await call({ string: 'one' });
  const answer = await call({ string: 'refuse this' });
  assert.deepEqual([answer.code, state()], [0, 'degraded']);
  await call({ string: 'refuse that' });
  await call({ string: 'two' });
  assert.equal(state(), 'receiving');
  assert.deepEqual(
    bus.take().filter(({ type }) => type !== 'logger.progress'),
    [
      { type: 'logger.attached', by: 'osqueryd' },
      { type: 'logger.degraded', reason: 'no space left' },
      { type: 'logger.recovered', lost: 2 },
    ],
  );
  assert.equal(actor.getSnapshot().context.calls, 4);
});

test('calls of which nothing new is to be said are counted once a second', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { actor, bus, call } = startLogger();
  t.after(() => actor.stop());
  for (let n = 0; n < 100; n += 1) await call({ string: 'one' });
  assert.equal(bus.take().length, 1);
  t.mock.timers.tick(1_000);
  const [told, ...more] = bus.take();
  assert.deepEqual(more, []);
  assert.ok(told?.type === 'logger.progress');
  const { milliseconds, longest } = told;
  assert.deepEqual(told, { type: 'logger.progress', calls: 100, bytes: 300, milliseconds, longest });
  assert.ok(longest > 0 && longest <= milliseconds, `${longest} of ${milliseconds} ms`);
  await call({ string: 'one' });
  t.mock.timers.tick(1_000);
  const [next] = bus.take();
  assert.ok(next?.type === 'logger.progress' && next.milliseconds >= milliseconds + next.longest - 0.002);
});
