import type { Deliverable } from '../../delivery/ports.ts';
import type { RowEncoder } from '../../vocabulary/vocabulary.ts';
import type { Host } from '../../vocabulary/words.ts';
import type { House } from './house.ts';

interface Prepared {
  readonly settings: unknown;
  readonly host: Host | undefined;
  readonly encode: RowEncoder;
}

/** What turns the rows of a query into events, prepared once for as long as query, host and configuration last. */
export class RowEncoders {
  readonly #house: House;
  readonly #host: () => Host | undefined;
  readonly #prepared = new WeakMap<Deliverable, Prepared>();

  constructor(house: House, host: () => Host | undefined) {
    this.#house = house;
    this.#host = host;
  }

  of(deliverable: Deliverable): RowEncoder {
    const settings = this.#house.settings();
    const host = this.#host();
    const known = this.#prepared.get(deliverable);
    if (known && known.settings === settings && known.host === host) return known.encode;
    const encode = this.#prepare(deliverable, host);
    this.#prepared.set(deliverable, { settings, host, encode });
    return encode;
  }

  #prepare({ peer, query, columns }: Deliverable, host: Host | undefined): RowEncoder {
    const vocabulary = this.#house.vocabularies().get(query.vocabulary);
    if (!vocabulary || !host) {
      const text = vocabulary
        ? 'osquery has not described the host yet'
        : `the vocabulary ${query.vocabulary} is switched off`;
      return () => ({ problem: 'misfit', column: '', type: 'UNKNOWN', value: '', text });
    }
    const { nullPolicy, endpoints } = this.#house.settings();
    const kind = endpoints.find((endpoint) => endpoint.peer === peer)?.address.kind ?? 'native';
    const reals = kind === 'native' ? 'any' : 'finite';
    return vocabulary.rowEncoder(query, columns, host, { reals, ...(nullPolicy && { nullPolicy }) });
  }
}
