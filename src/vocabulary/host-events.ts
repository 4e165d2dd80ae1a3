import { CONSOLE_ANSWERED } from './console-query.ts';
import type { VocabularyId } from './model.ts';
import { QUERY_COLUMNS } from './query-columns.ts';

/** What hosts say of themselves, beside rows: where in such an event the host's id and its Broker endpoint stand. */
export interface HostEvent {
  readonly vocabulary: VocabularyId;
  /** Position of the argument that is, or begins with, the host's id. */
  readonly id: number;
  /** Further arguments that must be, or begin with, the id. */
  readonly idAgain?: number;
  /** Position of the argument that is, or begins with, the host's Broker endpoint id. */
  readonly endpoint?: number;
  /** `announces`: the host is there from now on; `leaves`: it ends in good order. */
  readonly means?: 'announces' | 'leaves';
}

const notices = (module: string, vocabulary: VocabularyId): [string, HostEvent][] =>
  ['log', 'warning', 'error'].map((level) => [`${module}host_${level}`, { vocabulary, id: 0 }]);

const PACKAGE = 'osquery::hosts::';

/**
 * Every event of the vocabularies that a host may send on its own account. A specification holds this table to the
 * vocabularies.
 */
export const HOST_EVENTS: ReadonlyMap<string, HostEvent> = new Map<string, HostEvent>([
  ['osquery::host_new', { vocabulary: 'bro-2017-01', id: 0, means: 'announces' }],
  ...notices('osquery::', 'bro-2017-01'),
  [`${PACKAGE}host_new`, { vocabulary: 'zeek-osquery', id: 1, endpoint: 0, means: 'announces' }],
  ...notices(PACKAGE, 'zeek-osquery'),
  [`${PACKAGE}host_details_v1`, { vocabulary: 'zeek-osquery', id: 0, endpoint: 1 }],
  [`${PACKAGE}host_queries_held`, { vocabulary: 'zeek-osquery', id: 0 }],
  [`${PACKAGE}host_rows_sent`, { vocabulary: 'zeek-osquery', id: 0 }],
  [`${PACKAGE}host_rows_sent_v2`, { vocabulary: 'zeek-osquery', id: 0 }],
  [`${PACKAGE}host_rows_sent_v3`, { vocabulary: 'zeek-osquery', id: 0 }],
  [`${PACKAGE}host_rows_begin_v1`, { vocabulary: 'zeek-osquery', id: 0 }],
  [`${PACKAGE}host_instance`, { vocabulary: 'zeek-osquery', id: 0 }],
  [`${PACKAGE}host_gap`, { vocabulary: 'zeek-osquery', id: 0 }],
  [CONSOLE_ANSWERED, { vocabulary: 'zeek-osquery', id: 0 }],
  [`${PACKAGE}host_farewell`, { vocabulary: 'zeek-osquery', id: 0, means: 'leaves' }],
  [QUERY_COLUMNS, { vocabulary: 'zeek-osquery', id: 0 }],
  ['ZeekAgent::host_new', { vocabulary: 'zeek-agent-1', id: 2, endpoint: 0, means: 'announces' }],
  ['ZeekAgentAPI::agent_hello_v1', { vocabulary: 'zeek-agent-2', id: 0, idAgain: 1, means: 'announces' }],
  ['ZeekAgentAPI::agent_error_v1', { vocabulary: 'zeek-agent-2', id: 0 }],
  ['ZeekAgentAPI::agent_shutdown_v1', { vocabulary: 'zeek-agent-2', id: 0, means: 'leaves' }],
]);

/**
 * What zeek-osquery from its version 0.2.0 on announces in the event that earlier vocabularies had with the host's id
 * first and its groups second: here the second is a text, the id.
 */
export const LATER_HOST_NEW: HostEvent = {
  vocabulary: 'zeek-osquery',
  id: 1,
  endpoint: 0,
  means: 'announces',
};
