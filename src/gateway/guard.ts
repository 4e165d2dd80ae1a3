import type { SkimmedEvent, SkimmedValue } from '../broker/skimmed-message.ts';
import { HOST_EVENTS, type HostEvent, LATER_HOST_NEW } from '../vocabulary/host-events.ts';

/** Who a host is, as it has proved or claimed it when it connected. */
export interface Identity {
  readonly id: string;
  /** Its Broker endpoint id. */
  readonly endpointId: string;
}

/**
 * What is to become of an event of a host: `own` is one that it says of itself, `row` has the form of a row of its own
 * for a query (whether anybody has asked for that event is for others to know), `refused` is neither.
 */
export type Verdict =
  | { readonly is: 'own'; readonly event: HostEvent }
  | { readonly is: 'row' }
  | { readonly is: 'refused'; readonly reason: string };

/** Looks at an event's name and at its first arguments: nobody speaks for another, or says what is no host's to say. */
export function judge(event: SkimmedEvent, { id, endpointId }: Identity): Verdict {
  const own = ownEvent(event);
  if (!own) return isRow(event, id) ? { is: 'row' } : refused(event, "has not the form of this host's rows");
  if (textOf(event.args[own.id]) !== id) return refused(event, 'names another host');
  if (own.idAgain !== undefined && textOf(event.args[own.idAgain]) !== id)
    return refused(event, 'names another host');
  if (own.endpoint !== undefined && textOf(event.args[own.endpoint]) !== endpointId)
    return refused(event, "names another host's endpoint");
  return { is: 'own', event: own };
}

function ownEvent({ name, args }: SkimmedEvent): HostEvent | undefined {
  if (name === 'osquery::host_new' && args[1]?.kind === 'text') return LATER_HOST_NEW;
  return HOST_EVENTS.get(name);
}

const CHANGES: ReadonlySet<string> = new Set(['ADDED', 'REMOVED', 'SNAPSHOT']);

/** The three forms of rows: `(id, change, …)` in V1, `(record[id, enum, …], …)` in V2 to V4, `(record[id, time, …], record)` in V5. */
function isRow({ args }: SkimmedEvent, id: string): boolean {
  const [first, second] = args;
  if (first?.kind === 'text') return first.text === id && second?.kind === 'text' && CHANGES.has(second.text);
  if (first?.kind !== 'vector') return false;
  const [host, what] = first.values;
  if (host?.kind !== 'text' || host.text !== id) return false;
  return what?.kind === 'enum' || (what?.kind === 'timestamp' && second?.kind === 'vector');
}

/** The text, or that with which the record begins. */
function textOf(value: SkimmedValue | undefined): string | undefined {
  if (value?.kind === 'text') return value.text;
  if (value?.kind !== 'vector') return undefined;
  const [first] = value.values;
  return first?.kind === 'text' ? first.text : undefined;
}

function refused(event: SkimmedEvent, problem: string): Verdict {
  return { is: 'refused', reason: `${event.name} ${problem}` };
}
