import type { VocabularyId } from '../../vocabulary/model.ts';
import { type ColumnNames, columnNames } from '../../zeek-client/column-names.ts';
import type { HostMessage, ReceivedRow } from '../../zeek-client/model.ts';

type ColumnsMessage = Extract<HostMessage, { readonly type: 'columns' }>;

/** How hosts call the columns of queries: each host its own, since another osquery may have others for `SELECT *`. */
export class ToldColumns {
  readonly #vocabulary: VocabularyId;
  readonly #names = new Map<string, ColumnNames>();

  constructor(vocabulary: VocabularyId) {
    this.#vocabulary = vocabulary;
  }

  take({ host, event, names }: ColumnsMessage): void {
    const inOrder = columnNames(this.#vocabulary, '', names);
    if (inOrder) this.#names.set(key(host, event), inOrder);
  }

  of({ host, event }: ReceivedRow): ColumnNames | undefined {
    return this.#names.get(key(host, event));
  }
}

/** No name of an event has a space. */
function key(host: string, event: string): string {
  return `${event} ${host}`;
}
