import { counted } from './printable.ts';
import { parseTraceLine, TraceError, type TraceLine } from './trace.ts';

/** Where a trace ends in the midst of a line. */
export interface CutOff {
  readonly line: number;
  /** Characters that are there of it. */
  readonly characters: number;
}

/** Reads a trace line by line. A crash, or a writer at work, may leave its last line unfinished; nothing else. */
export class TraceReader {
  readonly #lines: AsyncIterable<string>;
  #cutOff: CutOff | null = null;

  /** @param lines with their line feeds, which tell a finished line from another */
  constructor(lines: AsyncIterable<string>) {
    this.#lines = lines;
  }

  /** Known once all has been read. */
  get cutOff(): CutOff | null {
    return this.#cutOff;
  }

  /** Throws {@link TraceError} for what is no trace: also at an unfinished line that others follow, or that is all. */
  async *read(): AsyncGenerator<{ readonly line: TraceLine; readonly number: number }> {
    let number = 0;
    let unfinished: { readonly error: TraceError; readonly cutOff: CutOff } | undefined;
    for await (const text of this.#lines) {
      if (unfinished) throw unfinished.error;
      number += 1;
      try {
        yield { line: parseTraceLine(text, number), number };
      } catch (error) {
        const mayBeCut = number > 1 && !text.endsWith('\n');
        if (!mayBeCut || !(error instanceof TraceError) || error.code !== 'no-json') throw error;
        unfinished = { error, cutOff: { line: number, characters: text.length } };
      }
    }
    this.#cutOff = unfinished?.cutOff ?? null;
  }
}

export function formatCutOff({ line, characters }: CutOff): string {
  return `The trace is truncated in line ${line}, after ${counted(characters, 'character')}, as after a crash or during a write: this is everything up to there.`;
}
