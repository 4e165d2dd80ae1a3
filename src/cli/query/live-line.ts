import type { Io } from '../io.ts';

/** Milliseconds between two pictures. */
const PAUSE = 100;
const BAR_WIDTH = 24;

/**
 * A line at the foot of a terminal that is written over, while lines of output pass above it. Without a terminal on standard
 * error there is none.
 */
export class LiveLine {
  readonly #io: Io;
  readonly #isShown: boolean;
  #text: string | undefined;
  #drawnAt = 0;
  #isDrawn = false;

  constructor(io: Io, isQuiet: boolean) {
    this.#io = io;
    this.#isShown = io.err.isTTY === true && !isQuiet;
  }

  /** Whether anybody sees it. */
  get isShown(): boolean {
    return this.#isShown;
  }

  show(text: string): void {
    this.#text = text;
    if (!this.#isShown || this.#io.now() - this.#drawnAt < PAUSE) return;
    this.#draw();
  }

  /** Output that passes above the line. */
  print(lines: readonly string[]): void {
    if (lines.length === 0) return;
    this.#erase();
    this.#io.out.write(`${lines.join('\n')}\n`);
  }

  /** The line as it was shown last. */
  redraw(): void {
    if (this.#isShown && this.#text !== undefined) this.#draw();
  }

  clear(): void {
    this.#text = undefined;
    this.#erase();
  }

  #draw(): void {
    this.#drawnAt = this.#io.now();
    const width = Math.max(20, this.#io.out.columns ?? 100) - 1;
    const text = this.#text ?? '';
    this.#io.err.write(`\r\u001b[K${text.length <= width ? text : `${text.slice(0, width - 1)}…`}`);
    this.#isDrawn = true;
  }

  #erase(): void {
    if (!this.#isDrawn) return;
    this.#io.err.write('\r\u001b[K');
    this.#isDrawn = false;
  }
}

/** A bar that is full only when all is done. */
export function bar(done: number, all: number): string {
  const share = all === 0 ? 0 : Math.min(1, done / all);
  const filled = Math.floor(share * BAR_WIDTH);
  return `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)} ${Math.floor(share * 100)} %`;
}
