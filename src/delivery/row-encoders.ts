import type { Host, NullPolicy } from '../vocabulary/model.ts';
import type { Vocabularies } from '../vocabulary/vocabularies.ts';
import type { RowEncoder } from '../vocabulary/vocabulary.ts';
import type { Deliverable } from './ports.ts';

/** What of the configuration decides how a row becomes an event. */
export interface EncoderSettings {
  readonly nullPolicy: NullPolicy | undefined;
  readonly endpoints: readonly {
    readonly peer: string;
    readonly address: { readonly kind: string };
  }[];
}

export interface EncoderParts {
  /** Those in force; others once they have changed. */
  readonly settings: () => EncoderSettings;
  readonly vocabularies: () => Vocabularies;
  /** Undefined until osquery has described it. */
  readonly host: () => Host | undefined;
}

interface Prepared {
  readonly settings: unknown;
  readonly host: Host | undefined;
  readonly encode: RowEncoder;
}

/** What turns the rows of a query into events, prepared once for as long as query, host and configuration last. */
export class RowEncoders {
  readonly #parts: EncoderParts;
  readonly #prepared = new WeakMap<Deliverable, Prepared>();

  constructor(parts: EncoderParts) {
    this.#parts = parts;
  }

  of(deliverable: Deliverable): RowEncoder {
    const settings = this.#parts.settings();
    const host = this.#parts.host();
    const known = this.#prepared.get(deliverable);
    if (known && known.settings === settings && known.host === host) return known.encode;
    const encode = this.#prepare(deliverable, host);
    this.#prepared.set(deliverable, { settings, host, encode });
    return encode;
  }

  #prepare({ peer, query, columns }: Deliverable, host: Host | undefined): RowEncoder {
    const vocabulary = this.#parts.vocabularies().get(query.vocabulary);
    if (!vocabulary || !host) {
      const text = vocabulary
        ? 'osquery has not described the host yet'
        : `the vocabulary ${query.vocabulary} is disabled`;
      return () => ({ problem: 'misfit', column: '', type: 'UNKNOWN', value: '', text });
    }
    const { nullPolicy, endpoints } = this.#parts.settings();
    const kind = endpoints.find((endpoint) => endpoint.peer === peer)?.address.kind ?? 'native';
    const reals = kind === 'native' ? 'any' : 'finite';
    return vocabulary.rowEncoder(query, columns, host, { reals, ...(nullPolicy && { nullPolicy }) });
  }
}
