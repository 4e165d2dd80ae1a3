/**
 * Mutates recorded sessions and what was kept of earlier runs, for FUZZ_SECONDS (60 by default), and keeps every
 * input that leads to an outcome not seen before in fixtures/broker/fuzz-corpus.jsonl; the specs run them all.
 * An input that breaks the code is kept too, printed with its seed, and ends the run with exit code 1.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FUZZ_TARGETS, type FuzzInput, type FuzzTarget, runFuzzInput } from '../support/broker-fuzz.ts';
import { lines, NATIVE_RECORDINGS, recordedStream } from '../support/broker-recordings.ts';

const corpusFile = join(import.meta.dirname, '../../fixtures/broker/fuzz-corpus.jsonl');
const { FUZZ_SECONDS, FUZZ_SEED } = process.env;
const seconds = Number(FUZZ_SECONDS ?? 60);
const seed = Number(FUZZ_SEED ?? Date.now() % 2 ** 32);
/** Longest input: what matters is found in small ones, and the corpus stays small. */
const MAX_INPUT = 1_500;

const random = mulberry32(seed);
const below = (bound: number) => Math.floor(random() * bound);
const pick = <T>(values: readonly T[]): T => values[below(values.length)] as T;

const pools = new Map<FuzzTarget, Buffer[]>(FUZZ_TARGETS.map((target) => [target, seedsOf(target)]));
const seen = new Set<string>();
for (const text of readFileSync(corpusFile, 'utf8').split('\n').filter(Boolean)) {
  const { target, hex } = JSON.parse(text) as FuzzInput;
  pools.get(target)?.push(Buffer.from(hex, 'hex'));
}
for (const [target, pool] of pools) {
  for (const bytes of pool) seen.add(`${target}: ${runFuzzInput(target, bytes, bytes.length || 1)}`);
}

let runs = 0;
let kept = 0;
const end = Date.now() + seconds * 1000;
while (Date.now() < end) {
  const target = pick(FUZZ_TARGETS);
  const pool = pools.get(target) ?? [];
  const input = mutate(pick(pool), pool);
  const chunk = pick([1, 2, 7, 64, MAX_INPUT]);
  try {
    const started = Date.now();
    const told = runFuzzInput(target, input, MAX_INPUT);
    if (runFuzzInput(target, input, chunk) !== told) throw new Error(`otherwise in chunks of ${chunk}`);
    const outcome = `${target}: ${told}`;
    if (Date.now() - started > 2_000) throw new Error('took more than 2 s');
    if (!seen.has(outcome)) {
      seen.add(outcome);
      const small = shrink(target, input);
      pool.push(small);
      keep(target, small);
    }
  } catch (error) {
    keep(target, input);
    process.stderr.write(`seed ${seed}, run ${runs}: ${target} broke on ${input.toString('hex')}\n`);
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    process.exit(1);
  }
  runs += 1;
}
process.stdout.write(
  `seed ${seed}: ${runs} inputs in ${seconds} s, ${seen.size} outcomes, ${kept} of them new\n`,
);

function keep(target: FuzzTarget, input: Buffer): void {
  kept += 1;
  const line: FuzzInput = { target, hex: input.toString('hex') };
  appendFileSync(corpusFile, `${JSON.stringify(line)}\n`);
}

/** The input without what its outcome does not need. */
function shrink(target: FuzzTarget, input: Buffer): Buffer {
  const outcome = runFuzzInput(target, input, MAX_INPUT);
  let small = input;
  for (let size = input.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < small.length; ) {
      const shorter = Buffer.concat([small.subarray(0, at), small.subarray(at + size)]);
      if (runFuzzInput(target, shorter, MAX_INPUT) === outcome) small = shorter;
      else at += size;
    }
  }
  return small;
}

function seedsOf(target: FuzzTarget): Buffer[] {
  const session = lines('websocket-session').filter((line) => line.text !== undefined);
  const said = (direction: string) =>
    Buffer.from(
      session
        .filter((line) => line.dir === direction)
        .map((line) => line.text)
        .slice(0, 3)
        .join('\n'),
    );
  switch (target) {
    case 'connecting':
      return NATIVE_RECORDINGS.map((name) => recordedStream(name, 'listening>connecting'));
    case 'accepting':
      return NATIVE_RECORDINGS.map((name) => recordedStream(name, 'connecting>listening'));
    case 'websocket-client':
      return [said('server>client')];
    case 'websocket-server':
      return [said('client>server')];
    case 'binary':
      // The payloads of the recorded events: what follows their envelopes' headers.
      return NATIVE_RECORDINGS.map((name) => recordedStream(name, 'connecting>listening')).flatMap(
        (stream) => {
          const at = stream.indexOf(Buffer.from('0e0302', 'hex'));
          return at < 0 ? [Buffer.from('0e00', 'hex')] : [stream.subarray(at, at + 200)];
        },
      );
    case 'json':
      return session
        .filter((line) => line.text?.includes('data-message'))
        .map((line) => Buffer.from(line.text ?? ''));
  }
}

/** One to four changes: a flipped bit, a changed, lost or doubled stretch, a number at its bounds, a splice. */
function mutate(source: Buffer, pool: readonly Buffer[]): Buffer {
  let bytes: Buffer = Buffer.from(source.subarray(0, MAX_INPUT));
  for (let change = below(4); change >= 0; change -= 1) {
    const at = below(bytes.length + 1);
    const length = 1 + below(pick([1, 4, 16, 64]));
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
    switch (below(7)) {
      case 0:
        if (bytes.length > 0) bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ (1 << below(8));
        break;
      case 1:
        bytes = Buffer.concat([head, tail.subarray(length)]);
        break;
      case 2:
        bytes = Buffer.concat([head, tail.subarray(0, length), tail]);
        break;
      case 3:
        bytes = Buffer.concat([
          head,
          Buffer.from(Array.from({ length }, () => below(256))),
          tail.subarray(length),
        ]);
        break;
      case 4: {
        const extremes = [
          '00',
          'ff',
          '7f',
          '80',
          '00000000',
          'ffffffff',
          '7fffffff',
          '00100001',
          'ffffff0f',
          '0e01',
        ];
        const extreme = Buffer.from(pick(extremes), 'hex');
        bytes = Buffer.concat([head, extreme, tail.subarray(below(2) * extreme.length)]);
        break;
      }
      case 5: {
        const other = pick(pool);
        bytes = Buffer.concat([head, other.subarray(below(other.length + 1))]);
        break;
      }
      default:
        bytes = head;
    }
    bytes = Buffer.from(bytes.subarray(0, MAX_INPUT));
  }
  return bytes;
}

/** A small generator that gives the same numbers for the same seed. */
function mulberry32(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
