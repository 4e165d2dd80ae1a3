import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { allocateNames, columnNames, legalName } from '../../src/generate/names.ts';
import { comment, zeekString } from '../../src/generate/zeek-text.ts';

test('names become what Zeek can have, each its own', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), (names) => {
      const legal = allocateNames(names);
      for (const name of legal.values()) assert.match(name, /^[a-z][a-z0-9_]{0,79}$/);
      assert.equal(new Set(legal.values()).size, new Set(names).size);
    }),
  );
  assert.equal(legalName('Get USB devices (macOS)'), 'get_usb_devices_macos');
  assert.equal(legalName('Größe'), 'gro_e');
  assert.match(legalName('日本'), /^q_[0-9a-f]{6}$/);
  assert.equal(legalName('2fa'), 'q_2fa');
});

test('names of an earlier run stay, whatever comes beside them', () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1 }), fc.array(fc.string()), (before, more) => {
      const first = allocateNames(before);
      const second = allocateNames([...more, ...before], first);
      for (const [name, legal] of first) assert.equal(second.get(name), legal);
      assert.equal(new Set(second.values()).size, second.size);
    }),
  );
  const alone = allocateNames(['a-b']);
  assert.deepEqual([...allocateNames(['a_b', 'a-b'], alone)][0], ['a-b', 'a_b']);
});

test('columns keep their names in the log, and lose them where Zeek needs them', () => {
  assert.deepEqual(columnNames(['pid', 'type', 'ts', 'count(*)', 'Pid', 'pid', '1+1', 'enabled']), [
    { field: 'pid', logged: 'pid' },
    { field: 'type_', logged: 'type' },
    { field: 'ts_', logged: 'ts_' },
    { field: 'count_', logged: 'count' },
    { field: 'Pid', logged: 'Pid' },
    { field: 'pid_2', logged: 'pid_2' },
    { field: 'column_1_1', logged: 'column_1_1' },
    { field: 'enabled_', logged: 'enabled' },
  ]);
  fc.assert(
    fc.property(fc.array(fc.string()), (columns) => {
      const names = columnNames(columns);
      for (const { field } of names) assert.match(field, /^[A-Za-z]\w*$/);
      assert.equal(new Set(names.map(({ field }) => field)).size, columns.length);
      assert.equal(new Set(names.map(({ logged }) => logged)).size, columns.length);
    }),
  );
});

test('no text ends a string or a comment of the script', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.match(zeekString(text), /^"(?:[^"\\\p{Cc}]|\\[\\"nrt]|\\x[0-9a-f]{2})*"$/u);
      for (const line of comment(text, '\t##')) assert.match(line, /^\t## [^\p{Cc}\u2028\u2029]*$/u);
    }),
  );
});
