import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columnsOfCutLine } from '../../src/osquery/cut-line.ts';

test('a line that osqueryd has cut off tells the columns of its first row up to there', () => {
  for (const [line, columns] of [
    // As a real osqueryd 5.23 writes them.
    ['{"diffResults":{"removed":[],"added":[{"d":1.0,"inf":', ['d', 'inf']],
    ['{"snapshot":[{"a":1,"t":"x\\"},{","v":', ['a', 't', 'v']],
    ['{"name":"bro_1","hostIdentifier":"vm","counter":1,"numerics":true,"columns":{"v":', ['v']],
    ['{"snapshot":[{"a":1},{"a":', ['a']],
    ['{"snapshot":[', undefined],
    ['no JSON', undefined],
  ] as const) {
    assert.deepEqual(columnsOfCutLine(Buffer.from(line)), columns, line);
  }
});
