import { string, vector } from '../broker/data.ts';
import type { TopicEvent } from '../broker/zeek-event.ts';
import type { Column, Host, Query, VocabularyId } from './model.ts';
import { type RequestDefinition, signature } from './request-reader.ts';

/**
 * A row's event carries values by position. Who prints rows and has no script that declares their names
 * (`bro-osquery bro`) asks for them once a connection, in whatever vocabulary it speaks; before the first row of a query
 * the host then says how osquery calls its columns. Zeek's scripts never ask, and never get these events.
 */

const WANTED = 'bro_osquery::columns_wanted';
/** The event that names a query's columns. */
export const QUERY_COLUMNS = 'bro_osquery::query_columns';

/** The request, as a vocabulary knows it. */
export function columnsRequest(vocabulary: VocabularyId): readonly [string, RequestDefinition] {
  return [
    WANTED,
    {
      signature: signature('resT: string'),
      build: (args) => {
        const topic = args.string(0);
        if (topic === '') return args.refuse(0, 'a topic');
        return { type: 'columnsWanted', vocabulary, topic };
      },
    },
  ];
}

/** Asks hosts to name the columns of this Bro's queries on the topic, from now on over this connection. */
export function columnsWanted(topic: string): TopicEvent['event'] {
  return { name: WANTED, args: [string(topic)] };
}

/** `query_columns(host: string, ev: string, cookie: string, names: vector of string)`, names in the query's order. */
export function queryColumns(
  topic: string,
  host: Host,
  { event, cookie }: Pick<Query, 'event' | 'cookie'>,
  columns: readonly Column[],
): TopicEvent {
  const names = vector(columns.map(({ name }) => string(name)));
  return {
    topic,
    event: { name: QUERY_COLUMNS, args: [string(host.id), string(event), string(cookie), names] },
  };
}
