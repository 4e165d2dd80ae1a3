import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CursorStore } from '../../src/delivery/cursor-store.ts';
import { joinGaps } from '../../src/delivery/cursors.ts';
import { DeliveryError } from '../../src/delivery/delivery-error.ts';
import { until } from '../support/delivery-harness.ts';

describe('Cursors on disk', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cursors-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const gap = { first: 3, last: 9, rows: 4, reason: 'full' };
  const unseen = { first: 1, last: 1, rows: 0, reason: '', unseen: { from: 1000, to: 2000 } };

  test('cursors survive the process', async () => {
    const store = await CursorStore.open({ directory });
    store.set('a', { position: 7 });
    store.set('__proto__', { position: 9, gap });
    store.set('b', { position: 9, gap: unseen });
    store.set('gone', { position: 1 });
    store.remove('gone');
    await store.close();
    assert.deepEqual(
      (await CursorStore.open({ directory })).loaded,
      new Map([
        ['a', { position: 7 }],
        ['__proto__', { position: 9, gap }],
        ['b', { position: 9, gap: unseen }],
      ]),
    );
  });

  test('a change is written without being asked for', async () => {
    const store = await CursorStore.open({ directory, interval: 1 });
    store.set('a', { position: 7 });
    let text = '';
    await until(() => {
      readFile(join(directory, 'cursors.json'), 'utf8').then(
        (found) => {
          text = found;
        },
        () => {},
      );
      return text === '{"version":1,"peers":[{"peer":"a","position":7}]}\n';
    }, 'the file has the cursor');
    await store.close();
  });

  test('a file half written is never seen', async () => {
    const store = await CursorStore.open({ directory, fsync: true });
    store.set('a', { position: 7 });
    await store.flush();
    await writeFile(join(directory, 'cursors.json.new'), '{"version":1,"pe');
    assert.deepEqual((await CursorStore.open({ directory })).loaded, new Map([['a', { position: 7 }]]));
    await store.close();
  });

  for (const text of [
    '',
    '{',
    '[]',
    '{"version":2,"peers":[]}',
    '{"version":1,"peers":[{"peer":"a","position":-1}]}',
    '\0\0\0\0',
  ]) {
    test(`a file that says ${JSON.stringify(text)} is put aside, and everything is sent again`, async () => {
      await writeFile(join(directory, 'cursors.json'), text);
      const store = await CursorStore.open({ directory });
      assert.deepEqual(store.loaded, new Map());
      assert.match(store.problem ?? '', /moved to/);
      assert.deepEqual(await readdir(directory), ['cursors.json.bad']);
      await store.close();
    });
  }

  test('a disk that does not take the cursors is said by flush, and tried again', async () => {
    const own = join(directory, 'own');
    const store = await CursorStore.open({ directory: own, interval: 1_000_000 });
    store.set('a', { position: 7 });
    await rm(own, { recursive: true });
    await assert.rejects(store.flush());
    await mkdir(own);
    await store.flush();
    assert.deepEqual((await CursorStore.open({ directory: own })).loaded, new Map([['a', { position: 7 }]]));
    await store.close();
  });

  test('a directory that cannot be one is refused with the reason', async () => {
    const file = join(directory, 'file');
    await writeFile(file, '');
    await assert.rejects(
      CursorStore.open({ directory: join(file, 'x') }),
      (error) => error instanceof DeliveryError && error.code === 'unusable',
    );
  });

  test('gaps join to one that spans both', () => {
    assert.deepEqual(joinGaps(undefined, gap), gap);
    assert.deepEqual(joinGaps(gap, { first: 1, last: 5, rows: 2, reason: 'full' }), {
      first: 1,
      last: 9,
      rows: 6,
      reason: 'full',
    });
    assert.deepEqual(joinGaps(gap, { first: 10, last: 12, rows: 1, reason: 'old' }), {
      first: 3,
      last: 12,
      rows: 5,
      reason: 'full; old',
    });
  });

  test('a gap of rows that were never received adds its time and no numbers', () => {
    const both = { ...gap, unseen: { from: 1000, to: 2000 } };
    assert.deepEqual(joinGaps(gap, unseen), both);
    assert.deepEqual(joinGaps(unseen, gap), both);
    assert.deepEqual(joinGaps(both, { ...unseen, unseen: { from: 1500, to: 3000 } }), {
      ...gap,
      unseen: { from: 1000, to: 3000 },
    });
    assert.deepEqual(joinGaps(unseen, { ...unseen, unseen: { from: 500, to: 600 } }), {
      ...unseen,
      unseen: { from: 500, to: 2000 },
    });
  });
});
