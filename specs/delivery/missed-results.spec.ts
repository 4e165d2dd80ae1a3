import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import type { Appended } from '../../src/delivery/journal.ts';
import { type Mark, Marks } from '../../src/delivery/marks.ts';
import { MissedResults } from '../../src/delivery/missed-results.ts';
import type { Handover } from '../../src/delivery/ports.ts';
import { isMalformed } from '../../src/osquery/log-item.ts';
import { LogReader } from '../../src/osquery/log-reader.ts';
import { resultLogs } from '../../src/osquery/result-log-store.ts';
import { subscription } from '../support/delivery-harness.ts';

function line(name: string, unixTime: number, pad = ''): string {
  const columns = { n: '1', pad };
  return `${JSON.stringify({ name, hostIdentifier: 'h', unixTime, epoch: 0, counter: unixTime, numerics: false, columns, action: 'added' })}\n`;
}

/** osqueryd's results log, and a journal that takes what it is given, or refuses it. */
function missed(t: TestContext, log: string, marks: readonly Mark[], refuses = false) {
  const directory = mkdtempSync(join(tmpdir(), 'bro-missed-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, 'osqueryd.results.log'), log);
  const known = new Marks({ since: 0, upTo: 0, marks });
  const taken: string[] = [];
  const courier = {
    async caughtUp() {},
    async take({ payload }: Handover): Promise<Appended> {
      const reader = new LogReader(payload, 'lines');
      reader.advance();
      for (const item of reader.items) {
        if (isMalformed(item)) assert.fail('a line that is none was taken');
        known.note(1, item);
        taken.push(`${item.name} ${item.unixTime}`);
      }
      if (refuses) return { accepted: false, reason: 'disk', message: 'no', sequence: 1 };
      const next = 1 + payload.length;
      return {
        accepted: true,
        entry: { sequence: 1, kind: 'log', receivedAt: 0, header: null, payload, next },
      };
    },
  };
  const results = new MissedResults({
    resultLogs,
    log: pino({ level: 'silent' }),
    courier,
    marks: known,
    deliverables: {
      size: 2,
      find: (name) => (name.startsWith('bro_') ? subscription('a', name) : undefined),
    },
    flags: () =>
      new Map(
        Object.entries({ logger_plugin: 'bro, filesystem', logger_path: directory }).map(([name, value]) => [
          name,
          { value, defaultValue: '', type: 'string' },
        ]),
      ),
  });
  return { directory, results, taken, signal: new AbortController().signal };
}

const mark = (unixTime: number): Mark => ({ name: 'bro_1', unixTime, counter: unixTime, rows: 1 });

test('what came is passed over, what did not is taken, up to the line that waits', async (t) => {
  const log = [line('bro_1', 1), line('others', 2), line('bro_1', 2), line('bro_2', 3), line('bro_1', 4)];
  const { results, taken, signal } = missed(t, log.join(''), [mark(1)]);
  const waiting = Buffer.from(line('bro_1', 4).trimEnd());
  assert.deepEqual(await results.take(waiting, signal), { rows: 2, doubt: '' });
  assert.deepEqual(taken, ['bro_1 2', 'bro_2 3']);
  assert.deepEqual(await results.take(waiting, signal), { rows: 0, doubt: '' });
  assert.equal(results.rows, 2);
});

test('a log that begins after what came last is in doubt, however much of it is taken on the way', async (t) => {
  const pad = 'x'.repeat(600_000);
  const { directory, results, taken, signal } = missed(t, line('bro_1', 5, pad) + line('bro_2', 5, pad), [
    mark(1),
  ]);
  assert.deepEqual(await results.take(undefined, signal), {
    rows: 2,
    doubt: `older lines of ${join(directory, 'osqueryd.results.log')} have been removed`,
  });
  assert.deepEqual(taken, ['bro_1 5', 'bro_2 5']);
});

test('rows that the journal refuses count as recovered no more than they are', async (t) => {
  const { results, signal } = missed(t, line('bro_1', 1) + line('bro_1', 2), [mark(1)], true);
  assert.deepEqual(await results.take(undefined, signal), { rows: 0, doubt: '' });
});

test('an end leaves what was not taken yet to the next life', async (t) => {
  const { results, taken } = missed(t, line('bro_1', 1) + line('bro_1', 2), [mark(1)]);
  assert.deepEqual(await results.take(undefined, AbortSignal.abort()), {
    rows: 0,
    doubt: 'the extension stopped before all were recovered',
  });
  assert.deepEqual(taken, []);
});
