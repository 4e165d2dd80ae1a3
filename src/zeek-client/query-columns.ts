import type { ZeekEvent } from '../broker/zeek-event.ts';
import { QUERY_COLUMNS } from '../vocabulary/query-columns.ts';
import { shape, textAt, textsAt } from './fields.ts';
import type { HostMessage } from './model.ts';

/** The names of a query's columns, as a host tells them in any vocabulary; undefined for other events. */
export function decodeQueryColumns(event: ZeekEvent): HostMessage | undefined {
  if (event.name !== QUERY_COLUMNS) return undefined;
  const { args } = event;
  const [host, queryEvent, cookie, names] = [
    textAt(args, 0),
    textAt(args, 1),
    textAt(args, 2),
    textsAt(args, 3),
  ];
  if (host === undefined || queryEvent === undefined || cookie === undefined || names === undefined) {
    return { type: 'malformed', problem: `expected the names of a query's columns, got ${shape(event)}` };
  }
  return { type: 'columns', host, event: queryEvent, cookie, names };
}
