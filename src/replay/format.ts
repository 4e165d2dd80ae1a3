import type { SuspensionReason } from '../schedule/breaker.ts';
import type { Ending, EventData, Resuming, ScheduleEvent, Standing } from '../schedule/events.ts';
import type { Audience, Query, RepeatedQuery } from '../vocabulary/model.ts';
import { counted, printable, quoted } from './printable.ts';

/** Facts as sentences, for people who ask what happened. */

/** The query that a name given to osquery stands for, as far as it is known. */
export type QueryOf = (name: string) => Query | RepeatedQuery | undefined;

/** The fact in words, without its time. */
export function inWords(event: ScheduleEvent, queryOf: QueryOf): string {
  switch (event.type) {
    case 'LogStarted':
      return `query names in osquery begin with bro_${event.data.logId.slice(0, 8)} (${printable(event.data.reason)})`;
    case 'ExtensionStarted':
      return `bro-osquery ${printable(event.data.version)} starts`;
    case 'ExtensionStopped':
      return `bro-osquery stops: ${printable(event.data.reason)}`;
    case 'BrosConfigured':
      return `the configuration names ${counted(event.data.peers.length, 'Zeek')}: ${list(event.data.peers)}`;
    case 'BroConnected':
      return `${printable(event.data.peer)} ${STANDINGS[event.data.standing]} (${printable(event.data.transport)})`;
    case 'BroLost':
      return `${printable(event.data.peer)} disconnected: ${printable(event.data.reason)}`;
    case 'ResyncCompleted':
      return `the resync window of ${printable(event.data.peer)} closed: ${event.data.kept} kept, ${event.data.ended} ended`;
    case 'BroExpired':
      return `${printable(event.data.peer)} was away for too long: its state expired`;
    case 'BroRemoved':
      return `${printable(event.data.peer)} was removed from the configuration: its state is dropped`;
    case 'ZeekGreeted':
      return `Zeek instance ${quoted(event.data.zeekInstance)} announced itself through ${printable(event.data.peer)}`;
    case 'ZeekDeparted':
      return `Zeek instance ${quoted(event.data.zeekInstance)} behind ${printable(event.data.peer)} left: ${printable(event.data.reason)}`;
    case 'QuerySubscribed': {
      const { peer, query, name, generation, audience } = event.data;
      const again = generation === 1 ? '' : `, generation ${generation}`;
      return `${printable(peer)} subscribes ${formatQuery(query)} as ${name}${again}, ${formatAudience(audience)}`;
    }
    case 'QueryConfirmed': {
      const { peer, name, audience } = event.data;
      return `${printable(peer)} repeats ${named(name, queryOf)}, ${formatAudience(audience)}: it continues`;
    }
    case 'QueryUnsubscribed':
      return `${named(event.data.name, queryOf)} of ${printable(event.data.peer)} ends: ${formatEnding(event.data.reason, event.data.peer)}`;
    case 'QueryRefused': {
      const { peer, request, query, code, text } = event.data;
      const what = query === null ? `to ${request} a group` : `to ${request} ${formatQuery(query)}`;
      return `${printable(peer)} asks ${what} and is refused: ${printable(text)} (${printable(code)})`;
    }
    case 'QueryDenylisted':
      return `osquery's watchdog denylisted ${named(event.data.name, queryOf)} of ${printable(event.data.peer)} for using too many resources`;
    case 'QueryReleased':
      return `osquery runs ${named(event.data.name, queryOf)} of ${printable(event.data.peer)} again`;
    case 'QueryFailing': {
      const { name, peer, text } = event.data;
      return `osquery can't run ${named(name, queryOf)} of ${printable(peer)}: ${printable(text)}`;
    }
    case 'QueryRecovered':
      return `osquery has run ${named(event.data.name, queryOf)} of ${printable(event.data.peer)} again`;
    case 'OsquerydStarted':
      return `osqueryd ${printable(event.data.version)} runs as process ${event.data.pid}`;
    case 'OsquerydStopping':
      return 'osqueryd announced its shutdown';
    case 'OsquerydDied':
      return formatDeath(event.data, queryOf);
    case 'QuerySuspended': {
      const { name, peer, reason } = event.data;
      return `${named(name, queryOf)} of ${printable(peer)} is left out of osquery's schedule: ${formatSuspension(reason)}`;
    }
    case 'QueryResumed': {
      const { name, peer, reason } = event.data;
      return `${named(name, queryOf)} of ${printable(peer)} is in osquery's schedule again: ${RESUMINGS[reason]}`;
    }
    case 'SuspectsHalved': {
      const { suspects, running } = event.data;
      return `one of ${counted(suspects.length, 'query')} makes osqueryd exit, and it is not known which: ${running.length} of them run for a while, the others are suspended`;
    }
    case 'SearchEnded':
      return formatSearchEnd(event.data, queryOf);
    case 'QueryExecuted': {
      const { peer, query, name, audience } = event.data;
      return `${printable(peer)} executes ${quoted(query.sql)} once as ${name}, ${formatAudience(audience)}`;
    }
    case 'ExecutionCompleted': {
      const { name, peer, rows, error } = event.data;
      const outcome = error === '' ? `has ${counted(rows, 'row')}` : `failed: ${printable(error)}`;
      return `one-time query ${named(name, queryOf)} of ${printable(peer)} ${outcome}`;
    }
    case 'ExecutionCancelled': {
      const { name, peer, reason } = event.data;
      const why =
        reason === 'unanswered'
          ? 'it was unanswered at too many starts of bro-osquery'
          : formatEnding(reason, peer);
      return `one-time query ${named(name, queryOf)} of ${printable(peer)} is given up: ${why}`;
    }
    case 'GroupsConfigured':
      return `the configuration puts this host into ${list(event.data.groups) || 'no group'}`;
    case 'GroupJoined':
      return `${printable(event.data.peer)} has this host join group ${quoted(event.data.group)}`;
    case 'GroupConfirmed':
      return `${printable(event.data.peer)} keeps this host in group ${quoted(event.data.group)}`;
    case 'GroupLeft':
      return `${printable(event.data.peer)} no longer keeps this host in group ${quoted(event.data.group)}: ${formatEnding(event.data.reason, event.data.peer)}`;
    case 'ScheduleApplied':
      return `osquery runs the schedule with ${counted(event.data.entries, 'entry')} (${event.data.hash.slice(0, 12)})`;
    case 'ScheduleRefused':
      return `osquery refuses the schedule ${event.data.hash.slice(0, 12)}: ${printable(event.data.reason)}`;
    case 'RowsDropped':
      return formatDrop(event.data);
    default:
      return event satisfies never;
  }
}

function formatDeath({ suspects, blame, reason }: EventData<'OsquerydDied'>, queryOf: QueryOf): string {
  const said = reason === '' ? '' : `; its log says: ${printable(reason)}`;
  if (suspects.length > 0) {
    const all = suspects.map((name) => named(name, queryOf)).join(', ');
    return `osqueryd exited while it ran ${all}${said}`;
  }
  if (blame === 'logger') return `osqueryd exited because of its own logger${said}`;
  if (blame === 'query') return `osqueryd exited while it ran a query of others${said}`;
  return `osqueryd exited while it had queries of Zeeks, and it is not known at which${said}`;
}

function formatSearchEnd({ outcome, name }: EventData<'SearchEnded'>, queryOf: QueryOf): string {
  switch (outcome) {
    case 'convicted':
      return `osqueryd exited while ${named(name, queryOf)} was the only suspect that ran`;
    case 'cleared':
      return 'all suspects have run, and osqueryd still runs: none of them makes it exit';
    case 'not-ours':
      return 'osqueryd exits without the suspects, too: no query of a Zeek makes it exit';
    default:
      return outcome satisfies never;
  }
}

/** Why a query is left out of osquery's schedule, as the end of a sentence. */
export function formatSuspension(reason: SuspensionReason): string {
  return reason === 'osqueryd-died'
    ? 'osqueryd exited twice while it ran; it is retried after a day, or when its Zeek subscribes again'
    : 'osqueryd exits again and again, and this query may be why; it is retried when others have been';
}

const RESUMINGS: Readonly<Record<Resuming, string>> = {
  'time-over': 'a day has passed, it is retried',
  search: 'it is tried, or others are the suspects now',
  'not-it': 'osqueryd has exited without it, too',
};

function formatDrop({ peer, rows, reason }: EventData<'RowsDropped'>): string {
  if (rows === 0) return `rows for ${printable(peer)} may be missing: ${printable(reason)}`;
  const verb = rows === 1 ? 'was' : 'were';
  return `${counted(rows, 'row')} for ${printable(peer)} ${verb} dropped: ${printable(reason)}`;
}

const STANDINGS: Readonly<Record<Standing, string>> = {
  new: 'connected for the first time',
  reconnected: 'reconnected, the same Zeek process as before',
  restarted: 'reconnected as another Zeek process, which has lost its state',
};

/** Why something ended, as the end of a sentence. */
export function formatEnding(reason: Ending, peer: string): string {
  const zeek = printable(peer);
  switch (reason) {
    case 'asked':
      return `${zeek} requested that`;
    case 'new-generation':
      return `${zeek} had lost its state and requested it again, which restarts it`;
    case 'columns-changed':
      return 'its columns are no longer the same, which restarts it';
    case 'not-repeated':
      return `${zeek} reconnected and did not request it again within the resync window`;
    case 'not-desired':
      return `${zeek} listed its desired queries, and this is not among them`;
    case 'group-left':
      return 'this host left the group that it came through';
    case 'zeek-departed':
      return 'the Zeek instance that requested it shut down or stopped responding';
    case 'expired':
      return `${zeek} was away for too long`;
    case 'bro-removed':
      return `${zeek} is no longer in the configuration`;
    default:
      return reason satisfies never;
  }
}

/** A query as a Zeek asked for it, on one line. */
export function formatQuery(query: Query | RepeatedQuery): string {
  const often = 'interval' in query ? ` every ${query.interval} s (${query.updateType})` : '';
  return `${quoted(query.sql)}${often} for event ${printable(query.event)}`;
}

function formatAudience(audience: Audience): string {
  switch (audience.to) {
    case 'all':
      return 'addressed to every host';
    case 'host':
      return 'addressed to this host';
    case 'group':
      return `addressed to group ${quoted(audience.group)}`;
    default:
      return audience satisfies never;
  }
}

function named(name: string, queryOf: QueryOf): string {
  const query = queryOf(name);
  return query ? `${name} ${quoted(query.sql, 80)}` : name;
}

function list(texts: readonly string[]): string {
  return texts.map(printable).join(', ');
}
