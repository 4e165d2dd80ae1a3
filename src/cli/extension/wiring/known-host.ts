import type { Bus } from '../../../bus/bus.ts';
import type { Host } from '../../../vocabulary/model.ts';

/** What the bus has last said of the host and of the Bros that it is to serve. */
export class KnownHost {
  #host: Host | undefined;
  #peers: readonly string[] | undefined;

  constructor(bus: Bus) {
    bus.on('osquery.host', ({ host }) => {
      this.#host = host;
    });
    bus.on('osquery.configured', ({ peers }) => {
      this.#peers = peers;
    });
  }

  /** Undefined until osquery has described it. */
  readonly host = (): Host | undefined => this.#host;

  /** The Bros of the last good configuration; undefined before there was one. */
  readonly peers = (): readonly string[] | undefined => this.#peers;

  /** Before there was a good configuration every Bro may be in it. */
  readonly isConfigured = (peer: string): boolean => this.#peers?.includes(peer) ?? true;
}
