import { castDraft, type Draft, produce } from 'immer';
import type { Audience } from '../vocabulary/model.ts';
import type { EventOf, ScheduleEvent } from './events.ts';
import {
  forgetQuery,
  osquerydDied,
  osquerydStarted,
  querySuspended,
  scheduleApplied,
  searchEnded,
  suspectsHalved,
} from './evolve-breaker.ts';
import { identityOf } from './identity.ts';
import { entryBytes } from './render.ts';
import { type Bro, own, type ScheduleState, type Subscription } from './schedule.ts';

/** A minute, in which a Bro's new requests are counted. */
export const REQUEST_WINDOW = 60_000;

type State = Draft<ScheduleState>;

/** The state after one more fact. */
export function evolve(state: ScheduleState, event: ScheduleEvent): ScheduleState {
  return produce(state, (draft) => apply(draft, event));
}

/** The state after many facts, in one go: the same as one `evolve` after the other, and far quicker. */
export function fold(state: ScheduleState, events: Iterable<ScheduleEvent>): ScheduleState {
  return produce(state, (draft) => {
    for (const event of events) apply(draft, event);
  });
}

/**
 * A fact about something that isn't there changes nothing: a log that was repaired may hold the end of a
 * subscription whose beginning was cut off.
 */
function apply(state: State, event: ScheduleEvent): void {
  switch (event.type) {
    case 'LogStarted':
      state.logId = event.data.logId;
      break;
    case 'ExtensionStarted':
      for (const execution of Object.values(state.executions)) execution.restarts += 1;
      break;
    case 'ExtensionStopped':
      // Where we end by ourselves we take our queries out of osqueryd's schedule first.
      if (state.breaker.osqueryd?.told === false) state.breaker.osqueryd.scheduleSince = null;
      break;
    case 'BrosConfigured':
      state.configuredBros = [...event.data.peers];
      break;
    case 'BroConnected':
      connect(state, event);
      break;
    case 'BroLost':
      onBro(state, event.data.peer, (bro) => {
        bro.connected = false;
        bro.lostAt = event.at;
        bro.resyncing = false;
      });
      break;
    case 'ResyncCompleted':
      onBro(state, event.data.peer, (bro) => {
        bro.resyncing = false;
      });
      break;
    case 'BroExpired':
    case 'BroRemoved':
      remove(state, event.data.peer);
      break;
    case 'ZeekGreeted':
      onBro(state, event.data.peer, (bro) => {
        bro.zeekInstances.push({ zeekInstance: event.data.zeekInstance, greetedAt: event.at });
      });
      break;
    case 'ZeekDeparted':
      onBro(state, event.data.peer, (bro) => {
        bro.zeekInstances = bro.zeekInstances.filter((one) => one.zeekInstance !== event.data.zeekInstance);
      });
      break;
    case 'QuerySubscribed':
      subscribe(state, event);
      break;
    case 'QueryConfirmed':
      onSubscription(state, event.data, (subscription) => {
        confirm(subscription, event.data.audience);
      });
      break;
    case 'QueryUnsubscribed':
      unsubscribe(state, event.data.peer, event.data.name);
      break;
    case 'QueryRefused':
      countRequest(state, event.data.peer, event.at);
      break;
    case 'QueryDenylisted':
      onSubscription(state, event.data, (subscription) => {
        subscription.denylisted = true;
      });
      break;
    case 'QueryReleased':
      onSubscription(state, event.data, (subscription) => {
        subscription.denylisted = false;
      });
      break;
    case 'QueryFailing':
      onSubscription(state, event.data, () => {
        state.failing[event.data.name] = { since: event.at, text: event.data.text };
      });
      break;
    case 'QueryRecovered':
      delete state.failing[event.data.name];
      break;
    case 'OsquerydStarted':
      osquerydStarted(state, event);
      break;
    case 'OsquerydStopping':
      if (state.breaker.osqueryd) state.breaker.osqueryd.told = true;
      break;
    case 'OsquerydDied':
      osquerydDied(state, event);
      break;
    case 'QuerySuspended':
      onSubscription(state, event.data, () => querySuspended(state, event));
      break;
    case 'QueryResumed':
      delete state.breaker.suspended[event.data.name];
      break;
    case 'SuspectsHalved':
      suspectsHalved(state, event);
      break;
    case 'SearchEnded':
      searchEnded(state, event);
      break;
    case 'QueryExecuted':
      execute(state, event);
      break;
    case 'ExecutionCompleted':
    case 'ExecutionCancelled':
      delete state.executions[event.data.name];
      break;
    case 'GroupsConfigured':
      state.configuredGroups = [...event.data.groups];
      break;
    case 'GroupJoined':
      countRequest(state, event.data.peer, event.at);
      onBro(state, event.data.peer, (bro) => {
        bro.groups.push({ group: event.data.group, joinedAt: event.at, confirmed: true });
      });
      break;
    case 'GroupConfirmed':
      onBro(state, event.data.peer, (bro) => {
        for (const membership of bro.groups) {
          if (membership.group === event.data.group) membership.confirmed = true;
        }
      });
      break;
    case 'GroupLeft':
      onBro(state, event.data.peer, (bro) => {
        bro.groups = bro.groups.filter((membership) => membership.group !== event.data.group);
      });
      break;
    case 'ScheduleApplied':
      state.applied = { hash: event.data.hash, entries: event.data.entries, at: event.at };
      scheduleApplied(state, event);
      break;
    case 'ScheduleRefused':
      state.applied = null;
      break;
    case 'RowsDropped':
      onBro(state, event.data.peer, (bro) => {
        bro.rowsDropped += event.data.rows;
      });
      break;
    default:
      event satisfies never;
  }
}

function connect(state: State, { at, data }: EventOf<'BroConnected'>): void {
  const known = own(state.bros, data.peer);
  state.bros[data.peer] = {
    peer: data.peer,
    connected: true,
    incarnation: data.incarnation,
    transport: data.transport,
    connectedAt: at,
    lostAt: null,
    resyncing: true,
    subscriptions: known?.subscriptions ?? {},
    groups: (known?.groups ?? []).map((membership) => ({ ...membership, confirmed: false })),
    zeekInstances: data.standing === 'restarted' ? [] : (known?.zeekInstances ?? []),
    requests: known?.requests ?? { since: at, count: 0 },
    rowsDropped: known?.rowsDropped ?? 0,
  };
  for (const subscription of Object.values(known?.subscriptions ?? {})) subscription.confirmed = false;
}

function subscribe(state: State, { at, data }: EventOf<'QuerySubscribed'>): void {
  state.nextName += 1;
  const bro = own(state.bros, data.peer);
  if (!bro) return;
  state.scheduleBytes += entryBytes(data.name, data);
  bro.subscriptions[data.name] = {
    name: data.name,
    identity: identityOf(data.query),
    peer: data.peer,
    incarnation: data.incarnation,
    generation: data.generation,
    query: data.query,
    columns: castDraft([...data.columns]),
    tables: [...data.tables],
    ...(data.translation && { translation: castDraft(data.translation) }),
    via: [data.audience],
    subscribedAt: at,
    confirmed: data.confirmed ?? true,
    denylisted: false,
  };
  // A later generation is a repeat of what was granted before: it doesn't count against the Bro.
  if (data.generation === 1) countRequest(state, data.peer, at);
}

/** The first repeat of a resync says anew by which ways the query comes; later ones add theirs. */
function confirm(subscription: Draft<Subscription>, audience: Audience): void {
  subscription.via = subscription.confirmed ? [...subscription.via, audience] : [audience];
  subscription.confirmed = true;
}

function unsubscribe(state: State, peer: string, name: string): void {
  onSubscription(state, { peer, name }, (subscription) => {
    state.scheduleBytes -= entryBytes(name, subscription);
  });
  onBro(state, peer, (bro) => {
    delete bro.subscriptions[name];
  });
  forgetQuery(state.breaker, name);
  delete state.failing[name];
}

/** Facts that end what the Bro asked for come before; what a repaired log has lost of them ends here. */
function remove(state: State, peer: string): void {
  for (const name of Object.keys(own(state.bros, peer)?.subscriptions ?? {})) unsubscribe(state, peer, name);
  delete state.bros[peer];
}

function execute(state: State, { at, data }: EventOf<'QueryExecuted'>): void {
  state.nextName += 1;
  state.executions[data.name] = {
    name: data.name,
    peer: data.peer,
    incarnation: data.incarnation,
    query: data.query,
    columns: castDraft([...data.columns]),
    tables: [...data.tables],
    ...(data.translation && { translation: castDraft(data.translation) }),
    requestedAt: at,
    restarts: 0,
  };
  countRequest(state, data.peer, at);
}

function countRequest(state: State, peer: string, at: number): void {
  onBro(state, peer, ({ requests }) => {
    const over = at < requests.since || at - requests.since >= REQUEST_WINDOW;
    if (over) requests.since = at;
    requests.count = over ? 1 : requests.count + 1;
  });
}

function onBro(state: State, peer: string, change: (bro: Draft<Bro>) => void): void {
  const bro = own(state.bros, peer);
  if (bro) change(bro);
}

function onSubscription(
  state: State,
  { peer, name }: { readonly peer: string; readonly name: string },
  change: (subscription: Draft<Subscription>) => void,
): void {
  const subscription = own(own(state.bros, peer)?.subscriptions ?? {}, name);
  if (subscription) change(subscription);
}
