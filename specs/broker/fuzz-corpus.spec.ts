import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type FuzzInput, runFuzzInput } from '../support/broker-fuzz.ts';

const corpus = readFileSync(join(import.meta.dirname, '../../fixtures/broker/fuzz-corpus.jsonl'), 'utf8')
  .split('\n')
  .filter(Boolean)
  .map((line) => JSON.parse(line) as FuzzInput);

test('every input that the fuzzer kept ends in order, and in the same way in chunks of any size', () => {
  assert.ok(corpus.length > 100);
  for (const { target, hex } of corpus) {
    const bytes = Buffer.from(hex, 'hex');
    const outcome = runFuzzInput(target, bytes, bytes.length || 1);
    for (const chunk of [1, 3, 64])
      assert.equal(runFuzzInput(target, bytes, chunk), outcome, `${target} ${hex}`);
  }
});
