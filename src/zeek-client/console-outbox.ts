import type { Connection } from '../broker/connection.ts';
import type { Item } from '../console/model.ts';
import { encodeItems } from '../console/protocol.ts';

/** Messages that may be under way to a console, and items in one, as the package has them. */
const WINDOW = 16;
const ITEMS = 250;
const BYTES = 262_144;

/** What waits to be told to a console; what it does not read in time waits here. */
export class ConsoleOutbox {
  readonly #connection: Pick<Connection, 'send'>;
  readonly #topic: string;
  readonly #client: string;
  #waiting: Item[] = [];
  #sent = 0;
  #received = 0;
  #flushing = false;

  constructor(connection: Pick<Connection, 'send'>, topic: string, client: string) {
    this.#connection = connection;
    this.#topic = topic;
    this.#client = client;
  }

  tell(item: Item): void {
    this.#waiting.push(item);
    if (this.#flushing) return;
    // With whatever comes in the same turn.
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  acknowledged(received: number): void {
    if (received > this.#received && received <= this.#sent) this.#received = received;
    this.#flush();
  }

  #flush(): void {
    let at = 0;
    while (at < this.#waiting.length && this.#sent < this.#received + WINDOW) {
      const items: Item[] = [];
      let bytes = 0;
      while (at < this.#waiting.length && items.length < ITEMS && bytes < BYTES) {
        const item = this.#waiting[at];
        at += 1;
        if (!item) continue;
        items.push(item);
        bytes += item.text.length + item.detail.length;
      }
      this.#sent += 1;
      // A console that is gone is told nothing more.
      this.#connection.send(this.#topic, [encodeItems(this.#client, this.#sent, items)]).catch(() => {});
    }
    this.#waiting = this.#waiting.slice(at);
  }
}
