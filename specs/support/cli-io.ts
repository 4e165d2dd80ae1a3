import { PassThrough, Readable } from 'node:stream';
import type { Io } from '../../src/cli/io.ts';
import { DAY } from './schedule-builders.ts';

/** A sub-command's surroundings, with what it has printed. */
export interface Surroundings {
  readonly io: Io;
  readonly printed: () => string;
  readonly complained: () => string;
}

/** Surroundings of which the clock stands still; `terminal` lets a terminal watch. */
export function surroundings({
  stdin = '',
  terminal = false,
  interrupted = new AbortController().signal,
}: {
  readonly stdin?: string | Buffer;
  readonly terminal?: boolean;
  readonly interrupted?: AbortSignal;
} = {}): Surroundings {
  const [out, outText] = collecting(false);
  const [err, errText] = collecting(terminal);
  const io: Io = {
    in: Readable.from([Buffer.from(stdin)]),
    out,
    err,
    env: {},
    now: () => DAY,
    randomId: () => 'feedbeef-0000-4000-8000-000000000002',
    interrupted,
  };
  return { io, printed: outText, complained: errText };
}

function collecting(isTTY: boolean): [PassThrough & { readonly isTTY: boolean }, () => string] {
  const chunks: Buffer[] = [];
  const stream = Object.assign(new PassThrough(), { isTTY });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return [stream, () => Buffer.concat(chunks).toString('utf8')];
}
