import type { Addressee } from '../vocabulary/fleet-topics.ts';
import type { Query, Request } from '../vocabulary/model.ts';

/** A request of a Zeek that passed a gateway. */
export interface AuditEntry {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The Zeek's incarnation. */
  readonly zeek: string;
  readonly to: Addressee;
  readonly request: Request;
}

/** The entry as one line of JSON, without its end: who was asked what, in words that survive the vocabularies. */
export function auditLine({ at, zeek, to, request }: AuditEntry): string {
  const target = to.to === 'all' ? 'all' : to.to === 'host' ? { host: to.host } : { group: to.group };
  return JSON.stringify({
    ...{ time: new Date(at).toISOString(), zeek, to: target, request: request.type },
    ...detailsOf(request),
  });
}

function detailsOf(request: Request): object {
  switch (request.type) {
    case 'subscribe':
      return { ...queryOf(request.query), interval: request.query.interval };
    case 'execute':
      return queryOf(request.query);
    case 'unsubscribe':
      return { vocabulary: request.vocabulary, ...request.match };
    case 'desiredQueries':
      return {
        vocabulary: request.vocabulary,
        queries: request.queries.map((query) => ({ ...queryOf(query), interval: query.interval })),
      };
    case 'join':
    case 'leave':
      return { vocabulary: request.vocabulary, group: request.group };
    case 'greet':
    case 'farewell':
      return { vocabulary: request.vocabulary };
    default:
      return request satisfies never;
  }
}

function queryOf({ vocabulary, event, sql, cookie, updateType, responseTopic }: Query): object {
  return { vocabulary, event, sql, cookie, update: updateType, topic: responseTopic };
}
