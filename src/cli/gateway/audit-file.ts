import { createWriteStream, type WriteStream } from 'node:fs';

/** Lines that may wait for the disk before new ones are dropped and counted. */
const MAX_WAITING = 8 * 1024 * 1024;

/** The audit log: a file that lines are added to, opened anew when the operator has moved it away. */
export class AuditFile {
  /** Lines that could not be written. */
  dropped = 0;
  readonly #path: string;
  readonly #onProblem: (problem: string) => void;
  #stream: WriteStream;

  constructor(path: string, onProblem: (problem: string) => void) {
    this.#path = path;
    this.#onProblem = onProblem;
    this.#stream = this.#open();
  }

  write(line: string): void {
    if (this.#stream.writableLength > MAX_WAITING || this.#stream.destroyed) this.dropped += 1;
    else this.#stream.write(`${line}\n`);
  }

  reopen(): void {
    this.#stream.end();
    this.#stream = this.#open();
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#stream.destroyed) resolve();
      else this.#stream.end(resolve);
    });
  }

  #open(): WriteStream {
    const stream = createWriteStream(this.#path, { flags: 'a', mode: 0o640 });
    stream.on('error', (error) =>
      this.#onProblem(`can't write the audit log ${this.#path}: ${error.message}`),
    );
    return stream;
  }
}
