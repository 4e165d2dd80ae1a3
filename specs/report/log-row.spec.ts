import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isWanted, logName } from '../../src/report/log-name.ts';
import { LogLines, type LogRow } from '../../src/report/log-row.ts';
import { tsv } from '../support/report-logs.ts';

function rows(text: string): LogRow[] {
  const reader = new LogLines();
  return text.split('\n').flatMap((line) => {
    const read = reader.read(line);
    return read.kind === 'row' ? [read.row] : [];
  });
}

describe('a line of a log', () => {
  test('of tab-separated values has the fields of its header', () => {
    const [row] = rows(
      tsv('notice', [{ ts: 1795867200.5, msg: 'a\tb\\c ü', sub: '', src: undefined, pid: 7 }]),
    );
    assert.equal(row?.time('ts'), 1_795_867_200_500);
    assert.equal(row?.text('msg'), 'a\tb\\c ü');
    assert.equal(row?.text('sub'), '');
    assert.equal(row?.text('src'), undefined);
    assert.equal(row?.text('nosuch'), undefined);
    assert.equal(row?.number('pid'), 7);
  });

  test('keeps any text that Zeek has escaped', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
        // A lone `-` and `(empty)` are words of the format.
        fc.pre(text !== '-' && text !== '(empty)');
        assert.equal(rows(tsv('notice', [{ ts: 1, msg: text }]))[0]?.text('msg'), text);
      }),
    );
  });

  test('has the elements of a set', () => {
    const [full, empty, unset] = rows(
      tsv('notice', [{ techniques: ['T1', 'a,b'] }, { techniques: [] }, { techniques: undefined }]),
    );
    assert.deepEqual(full?.list('techniques'), ['T1', 'a,b']);
    assert.deepEqual(empty?.list('techniques'), []);
    assert.deepEqual(unset?.list('techniques'), []);
    assert.deepEqual(rows('{"techniques":["T1","a,b"]}')[0]?.list('techniques'), ['T1', 'a,b']);
  });

  test('of JSON has a time in any of the three forms that Zeek writes', () => {
    const time = (ts: string) => rows(`{"ts":${ts}}`)[0]?.time('ts');
    assert.equal(time('1795867200.25'), 1_795_867_200_250);
    assert.equal(time('1795867200250.0'), 1_795_867_200_250);
    assert.equal(time('"2026-11-28T12:00:00.250000Z"'), 1_795_867_200_250);
    assert.equal(time('"yesterday"'), undefined);
    assert.equal(time('1e300'), undefined);
    assert.equal(time('null'), undefined);
  });

  test('that is cut off, or stands before any header, is unreadable', () => {
    const reader = new LogLines();
    assert.equal(reader.read('1\t2').kind, 'unreadable');
    reader.read('#fields\tts\tuid\tmsg');
    assert.equal(reader.read('1\t2').kind, 'unreadable');
    assert.equal(reader.read('{"ts":1').kind, 'unreadable');
    assert.equal(reader.read('').kind, 'skipped');
    assert.equal(reader.read('1\t2\t3').kind, 'row');
  });

  test('has the words of its header for separators and for what is not there', () => {
    const [row] = rows(
      '#separator \\x7c\n#set_separator|;\n#empty_field|EMPTY\n#unset_field|NONE\n#path|conn\n#fields|a|b|c\n1;2|EMPTY|NONE',
    );
    assert.deepEqual(row?.list('a'), ['1', '2']);
    assert.equal(row?.text('b'), '');
    assert.equal(row?.text('c'), undefined);
  });
});

test("a log is known by its file's name, however it was rotated", () => {
  const names = [
    ['conn.log', 'conn'],
    ['conn.log.gz', 'conn'],
    ['conn.2026-11-28-13-00-00.log', 'conn'],
    ['conn.13:00:00-14:00:00.log.gz', 'conn'],
    ['conn.2026-11-28_13-00-00.log.zst', 'conn'],
    ['conn-20261128.log', 'conn'],
    ['conn.log.1.gz', 'conn'],
    ['conn.log-20261128.gz', 'conn'],
    ['json_streaming_conn.1.log', 'conn'],
    ['osq-listening-ports.log', 'osq-listening-ports'],
    ['osq-pack-q-2.13:00:00-14:00:00.log.gz', 'osq-pack-q-2'],
    ['reporter.log', 'reporter'],
    ['stdout.txt', undefined],
    ['.log', undefined],
  ] as const;
  assert.deepEqual(
    names.map(([file]) => [file, logName(file)]),
    names,
  );
  assert.deepEqual(['conn', 'notice', 'osquery', 'osq-hops', 'dns'].map(isWanted), [
    true,
    true,
    true,
    true,
    false,
  ]);
});
