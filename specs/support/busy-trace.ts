import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { printTraceLine, type TraceLine } from '../../src/replay/trace.ts';
import { temporaryDirectory } from './event-logs.ts';
import { DAY } from './schedule-builders.ts';

/** Writes a trace of a minute in which a Zeek is there, gets rows, is lost, and the host waits for it; returns its path. */
export async function busyTrace(t: TestContext): Promise<string> {
  const lines: TraceLine[] = [{ kind: 'head', format: 1, version: '1', at: DAY }];
  let sequence = 0;
  const step = (at: number, event: object, state: object, more: object = {}) =>
    lines.push({
      ...{
        kind: 'step',
        at: DAY + at,
        actor: 'peer:z:1',
        machine: 'bro-peer',
        status: 'active',
        changed: {},
      },
      ...({ event, state, ...more } as Pick<TraceLine & { readonly kind: 'step' }, 'event' | 'state'>),
    });
  const say = (at: number, subject: string, message: object) => {
    sequence += 1;
    lines.push({ kind: 'message', message: { ...message, subject, sequence, at: DAY + at } as never });
  };
  step(
    0,
    { type: 'xstate.init' },
    { link: { linked: 'connecting' }, presence: 'absent' },
    { changed: { failures: 0 } },
  );
  step(
    900,
    { type: 'connection.up', incarnation: 'one' },
    { link: { linked: { peered: { sync: 'resyncing', health: 'responsive' } } }, presence: 'present' },
    { changed: { incarnation: 'one' }, effects: { taken: [], actions: ['publish'] } },
  );
  say(900, 'peer.z:1.up', { type: 'peer.up', peer: 'z:1' });
  say(1_000, 'peer.z:1.request', {
    type: 'peer.request',
    peer: 'z:1',
    request: { type: 'join', group: 'g' },
  });
  for (let second = 1; second <= 60; second += 1) {
    const [confirmed, taken] = [Math.min(second, 40) * 20, second * 20];
    const progress = { type: 'courier.progress', peer: 'z:1', taken, confirmed, sent: taken };
    const rest = { pending: taken - confirmed, dropped: 0, oldestAt: null };
    say(second * 1_000, 'courier.z:1.progress', { ...progress, ...rest });
    const calls = { calls: second, bytes: 100, milliseconds: second * 0.4, longest: second % 7 };
    say(second * 1_000, 'logger.progress', { type: 'logger.progress', ...calls });
  }
  step(60_500, { type: 'connection.closed', code: 'lost' }, { link: 'backingOff', presence: 'absent' });
  say(60_500, 'peer.z:1.down', {
    type: 'peer.down',
    peer: 'z:1',
    reason: 'no route to host',
    retryIn: 1_000,
  });
  const path = join(await temporaryDirectory(t), 'busy.jsonl');
  await writeFile(path, `${lines.map(printTraceLine).join('\n')}\n`);
  return path;
}
