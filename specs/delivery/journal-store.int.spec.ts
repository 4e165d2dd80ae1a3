import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  appendFile,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { DeliveryError } from '../../src/delivery/delivery-error.ts';
import type { JournalEntry } from '../../src/delivery/journal-record.ts';
import { type JournalOptions, JournalStore } from '../../src/delivery/journal-store.ts';

const NOW = 1_700_000_000_000;
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'journal-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const open = (options: Partial<JournalOptions> = {}) =>
  JournalStore.open({ directory, now: () => NOW, fsync: 'never', ...options });
const entry = (payload: string | Uint8Array, header: unknown = null) => ({
  kind: 'log' as const,
  header,
  payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
});

async function readAll(journal: JournalStore, from = 0): Promise<JournalEntry[]> {
  const reader = journal.reader();
  const entries: JournalEntry[] = [];
  for (let one = await reader.read(from); one; one = await reader.read(one.next)) entries.push(one);
  await reader.close();
  return entries;
}
const texts = async (journal: JournalStore, from = 0) =>
  (await readAll(journal, from)).map(({ payload }) => Buffer.from(payload).toString());

async function append(journal: JournalStore, ...payloads: readonly string[]): Promise<number[]> {
  const sequences: number[] = [];
  for (const payload of payloads) {
    const appended = await journal.append(entry(payload));
    assert.ok(appended.accepted);
    sequences.push(appended.entry.sequence);
  }
  return sequences;
}

test('what was appended is read back, with header, kind and time', async () => {
  const journal = await open();
  await journal.append({ kind: 'execution', header: { peer: 'a' }, payload: Buffer.from('[]') });
  await journal.append({ kind: 'event', header: null, payload: Buffer.from([0, 255, 128]) });
  await journal.append({ kind: 'log', header: null, payload: Buffer.alloc(0) });
  const first = NOW * 1000;
  assert.deepEqual(await readAll(journal), [
    {
      sequence: first,
      next: first + 3,
      kind: 'execution',
      receivedAt: NOW,
      header: { peer: 'a' },
      payload: Buffer.from('[]'),
    },
    {
      sequence: first + 3,
      next: first + 7,
      kind: 'event',
      receivedAt: NOW,
      header: null,
      payload: Buffer.from([0, 255, 128]),
    },
    {
      sequence: first + 7,
      next: first + 8,
      kind: 'log',
      receivedAt: NOW,
      header: null,
      payload: Buffer.alloc(0),
    },
  ]);
  assert.equal(journal.next, first + 8);
  await journal.close();
});

test('the file of one entry is the same bytes as ever', async () => {
  const journal = await open();
  await journal.append(entry('hello', { a: 1 }));
  await journal.close();
  const [name = ''] = await readdir(directory);
  assert.equal(name, 'journal-1700000000000000.log');
  assert.equal(
    (await readFile(join(directory, name))).toString('hex'),
    // length, CRC-32, first and last part, kind, length of the header
    '00000026' +
      '694b6775' +
      '03' +
      '00' +
      '00000007' +
      // sequence, received at, length of the payload, header, payload
      '00060a24181e4000' +
      '4278bcfe56800000' +
      '00000005' +
      '7b2261223a317d' +
      '68656c6c6f',
  );
});

test('entries of any size come back from any place, over segments of any size', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat({ max: 400 }), { maxLength: 30 }),
      fc.integer({ min: 1, max: 3000 }),
      async (sizes, segmentBytes) => {
        const own = await mkdtemp(join(directory, 'p-'));
        const journal = await open({ directory: own, segmentBytes });
        const payloads = sizes.map((size, n) => Buffer.alloc(size, n));
        const appended = await Promise.all(payloads.map((payload, n) => journal.append(entry(payload, n))));
        const entries = appended.map((one) => (one.accepted ? one.entry : undefined));
        const read = await readAll(journal);
        assert.deepEqual(read, entries);
        for (const one of read) {
          assert.deepEqual(await readAll(journal, one.next - 1), read.slice(read.indexOf(one)));
        }
        await journal.close();
        const again = await open({ directory: own, segmentBytes });
        assert.deepEqual(await readAll(again), entries);
        await again.close();
      },
    ),
    { numRuns: 30 },
  );
});

test('a payload of many parts comes back whole', async () => {
  const journal = await open();
  const payload = Buffer.alloc(5 * 1024 * 1024 + 7);
  for (let at = 0; at < payload.length; at += 4096)
    payload.writeUInt32BE(at, Math.min(at, payload.length - 4));
  await append(journal, 'before');
  await journal.append(entry(payload));
  await append(journal, 'after');
  const [before, large, after] = await readAll(journal);
  assert.equal(Buffer.compare(large?.payload ?? Buffer.alloc(0), payload), 0);
  assert.deepEqual(
    [before, after].map((one) => Buffer.from(one?.payload ?? []).toString()),
    ['before', 'after'],
  );
  await journal.close();
});

test('a reader at the end goes on when there is more', async () => {
  const journal = await open({ segmentBytes: 100 });
  const reader = journal.reader();
  assert.equal(await reader.read(0), undefined);
  for (const text of ['a', 'b', 'c', 'd', 'e']) {
    const [sequence = 0] = await append(journal, text);
    assert.deepEqual((await reader.read(sequence))?.payload, Buffer.from(text));
    assert.equal(await reader.read(journal.next), undefined);
  }
  await reader.close();
  await journal.close();
});

test('numbers never go back: not after a restart, a clock set back, a lost directory or a lost tail', async () => {
  const first = await open();
  const [one = 0] = await append(first, 'x'.repeat(5000));
  await first.close();
  const second = await open({ now: () => NOW - 1_000_000 });
  const [two = 0] = await append(second, 'y');
  assert.ok(two > one);
  await second.close();
  await rm(directory, { recursive: true });
  const third = await open({ now: () => NOW + 10 });
  const [three = 0] = await append(third, 'z');
  assert.ok(three > two);
  await third.close();
  await rm(directory, { recursive: true });
  const fourth = await open({ atLeast: three + 1000 });
  assert.deepEqual(await append(fourth, 'w'), [three + 1000]);
  await fourth.close();
});

test('a tail torn at any byte costs that entry and no other', async () => {
  const journal = await open();
  await append(journal, 'one', 'two', 'three');
  await journal.close();
  const [name = ''] = await readdir(directory);
  const whole = await readFile(join(directory, name));
  const ends = [0, 1, 2, 3].map((count) =>
    ['one', 'two', 'three'].slice(0, count).reduce((sum, text) => sum + 38 + text.length, 0),
  );
  for (let length = 0; length <= whole.length; length += 1) {
    const own = join(directory, String(length));
    await mkdir(own);
    await writeFile(join(own, name), whole.subarray(0, length));
    const torn = await open({ directory: own });
    const left = ends.filter((end) => end > 0 && end <= length).length;
    assert.deepEqual(await texts(torn), ['one', 'two', 'three'].slice(0, left));
    await append(torn, 'four');
    assert.deepEqual(await texts(torn), [...['one', 'two', 'three'].slice(0, left), 'four']);
    await torn.close();
  }
});

test('zeros and noise behind the last entry are cut off', async () => {
  for (const tail of [Buffer.alloc(100), Buffer.from('garbage garbage garbage garbage garbage')]) {
    const journal = await open();
    await append(journal, 'one');
    await journal.close();
    const names = await readdir(directory);
    await appendFile(join(directory, names.at(-1) ?? ''), tail);
    const again = await open();
    assert.equal((await texts(again)).at(-1), 'one');
    await again.close();
  }
});

test('damage in the middle costs the rest of its segment and is noticed', async () => {
  const journal = await open({ segmentBytes: 100 });
  await append(journal, 'one', 'two', 'three', 'four', 'five', 'six', 'seven');
  await journal.close();
  const [name = ''] = (await readdir(directory)).sort();
  const bytes = await readFile(join(directory, name));
  bytes[45] = (bytes[45] ?? 0) ^ 1;
  await writeFile(join(directory, name), bytes);
  const again = await open();
  const reader = again.reader();
  const read: string[] = [];
  for (let one = await reader.read(0); one; one = await reader.read(one.next))
    read.push(Buffer.from(one.payload).toString());
  assert.deepEqual(read, ['one', 'four', 'five', 'six', 'seven']);
  assert.equal(reader.damaged, 1);
  await reader.close();
  await again.close();
});

test('an entry cut short by a write that failed costs no later one', async () => {
  const journal = await open();
  await append(journal, 'one');
  await journal.append(entry(Buffer.alloc(2 * 1024 * 1024 + 10)));
  await journal.close();
  const [name = ''] = await readdir(directory);
  await truncate(join(directory, name), 41 + 1024 * 1024 + 38);
  // The rest of a broken entry stays where a later segment follows.
  await copyFile(join(directory, name), join(directory, 'kept'));
  const again = await open();
  await append(again, 'two');
  await again.close();
  await copyFile(join(directory, 'kept'), join(directory, name));
  const third = await open();
  assert.deepEqual(await texts(third), ['one', 'two']);
  await third.close();
});

test('segments below a number are removed, the newest one only when asked', async () => {
  const journal = await open({ segmentBytes: 100 });
  const sequences = await append(journal, 'one', 'two', 'three', 'four', 'five', 'six', 'seven');
  await journal.trim(sequences[5] ?? 0);
  assert.deepEqual(await texts(journal), ['four', 'five', 'six', 'seven']);
  await journal.trim(journal.next);
  assert.deepEqual(await texts(journal), ['seven']);
  await journal.trim(journal.next, true);
  assert.deepEqual(await texts(journal), []);
  assert.equal(journal.bytes, 0);
  assert.deepEqual(await readdir(directory), []);
  await append(journal, 'eight');
  assert.deepEqual(await texts(journal), ['eight']);
  await journal.close();
});

test('a segment goes when all of its numbers lie below, and not one sooner', async () => {
  const journal = await open({ segmentBytes: 1 });
  await append(journal, 'first', 'second', 'third');
  const [first, second] = journal.segments;
  assert.ok(first && second);
  await journal.trim(first.next - 1);
  assert.deepEqual(await texts(journal), ['first', 'second', 'third']);
  await journal.trim(first.next);
  assert.deepEqual(await texts(journal), ['second', 'third']);
  await journal.trim(second.next - 1);
  assert.deepEqual(await texts(journal), ['second', 'third']);
  await journal.close();
});

test('no more is kept than the bound allows', async () => {
  const journal = await open({ maxBytes: 200 });
  const outcomes: unknown[] = [];
  for (let n = 0; n < 8; n += 1) {
    const appended = await journal.append(entry('x'.repeat(12)));
    outcomes.push(appended.accepted || appended.reason);
  }
  assert.deepEqual(outcomes, [true, true, true, true, 'full', 'full', 'full', 'full']);
  const large = await journal.append(entry('x'.repeat(500)));
  assert.deepEqual(large, {
    accepted: false,
    reason: 'too-large',
    message: "538 bytes, more than the journal's limit of 200",
    sequence: NOW * 1000 + 8 * 13,
  });
  await journal.close();
  const closed = await journal.append(entry('x'));
  assert.equal(!closed.accepted && closed.reason, 'closed');
});

test('a directory that cannot be one is refused with the reason', async () => {
  const file = join(directory, 'file');
  await writeFile(file, '');
  await assert.rejects(
    open({ directory: file }),
    (error) => error instanceof DeliveryError && error.code === 'unusable',
  );
});

for (const fsync of ['never', 'interval', 'always'] as const) {
  test(`after kill -9 every entry that was taken is there (fsync ${fsync})`, async () => {
    for (let round = 0; round < 3; round += 1) {
      const own = join(directory, `${fsync}-${round}`);
      const child = writer([own, fsync, '300']);
      let printed = '';
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        printed += text;
        if (printed.length > 200 + round * 1000) child.kill('SIGKILL');
      });
      await ended(child);
      const taken = printed.split('\n').slice(0, -1).map(Number);
      assert.deepEqual(
        taken,
        taken.map((_, n) => n),
      );
      const journal = await open({ directory: own });
      const found = (await readAll(journal)).map(({ header, payload }) => {
        const { n } = header as { n: number };
        assert.deepEqual(payload, Buffer.alloc(300, n % 251));
        return n;
      });
      assert.deepEqual(found.slice(0, taken.length), taken);
      assert.ok(found.length <= taken.length + 1);
      await journal.close();
    }
  });
}

test('a write beyond the limit of file sizes is refused and leaves no trace', async () => {
  // In blocks of 1024 bytes: an entry of 60,000 bytes fits once into a file, one of 100,000 never.
  const small = await written(['bash', '-c', 'ulimit -f 80; exec "$@"', '--'], ['60000', '4']);
  assert.deepEqual(small, ['0', 'refused 1 disk', '2', 'refused 3 disk']);
  const large = await written(['bash', '-c', 'ulimit -f 80; exec "$@"', '--'], ['100000', '2']);
  assert.deepEqual(large, ['refused 0 disk', 'refused 1 disk']);
});

test('a full file system is refused, and taken up again once it has room', async (context) => {
  const mount = join(directory, 'small');
  await mkdir(mount);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', mount], { stdio: 'ignore' });
  } catch {
    return context.skip('no right to mount a file system');
  }
  try {
    const journal = await open({ directory: mount });
    const kept: string[] = [];
    const outcomes = new Set<unknown>();
    const put = async (n: number) => {
      const text = `${n} `.repeat(10_000);
      const appended = await journal.append(entry(text));
      if (appended.accepted) kept.push(text);
      outcomes.add(appended.accepted || appended.reason);
    };
    for (let n = 0; n < 20; n += 1) await put(n);
    assert.deepEqual(outcomes, new Set([true, 'disk']));
    const before = kept.length;
    assert.deepEqual(await texts(journal), kept);
    execFileSync('mount', ['-o', 'remount,size=2m', mount]);
    for (let n = 20; n < 30; n += 1) await put(n);
    assert.equal(kept.length, before + 10);
    assert.deepEqual(await texts(journal), kept);
    await journal.close();
    const again = await open({ directory: mount });
    assert.deepEqual(await texts(again), kept);
    await again.close();
  } finally {
    execFileSync('umount', ['-l', mount]);
  }
});

function writer(args: readonly string[], prefix: readonly string[] = []): ChildProcess {
  const script = join(import.meta.dirname, '../support/journal-child.ts');
  const [command = '', ...rest] = [...prefix, process.execPath, '--import', 'tsx', script, ...args];
  return spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** What a writer with that prefix says of its entries. */
async function written(prefix: readonly string[], args: readonly string[]): Promise<string[]> {
  const own = await mkdtemp(join(directory, 'w-'));
  const child = writer([own, 'never', ...args], prefix);
  let printed = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  await ended(child);
  const journal = await open({ directory: own });
  const found = (await readAll(journal)).map(({ header }) => String((header as { n: number }).n));
  await journal.close();
  const lines = printed
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(' ').slice(0, 3).join(' '));
  assert.deepEqual(
    found,
    lines.filter((line) => !line.startsWith('refused')),
  );
  return lines;
}

async function ended(child: ChildProcess): Promise<void> {
  await new Promise((resolve) => child.once('close', resolve));
}
