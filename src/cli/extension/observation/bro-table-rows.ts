import type { DeliveryCounts } from '../../../delivery/delivery-counts.ts';
import { readLog } from '../../../event-log/event-log-reader-store.ts';
import type { LogRecord } from '../../../event-log/record.ts';
import { BRO_TABLES } from '../../../osquery/bro-tables.ts';
import type { PluginResponse } from '../../../osquery/extension-connection.ts';
import type { Row } from '../../../osquery/row.ts';
import { type Constraint, readTableCall, tableRoutes } from '../../../osquery/table-plugin.ts';
import { broOf, type ScheduleState, subscriptions } from '../../../schedule/schedule.ts';
import type { PeerStatus } from './peer-status.ts';

/** What the tables `bro_*` tell of. */
export interface TableSources {
  readonly schedule: () => ScheduleState;
  readonly peers: () => readonly PeerStatus[];
  readonly counts: () => readonly DeliveryCounts[];
  /** The state directory, for the event log. */
  readonly directory: () => string;
}

/** The most records of the event log in one answer, the newest; more with a condition on `version`. */
const RECORDS = 10_000;

/** Answers osquery's calls of our tables: what the extension is doing, as rows. */
export function tableAnswers(sources: TableSources) {
  const rows: Readonly<Record<string, (constraints: readonly Constraint[]) => Promise<Row[]> | Row[]>> = {
    bro_peers: () => peerRows(sources),
    bro_subscriptions: () => subscriptionRows(sources.schedule()),
    bro_events: (constraints) => eventRows(sources.directory(), constraints),
    bro_delivery: () => sources.counts().map(deliveryRow),
  };
  return async (name: string, request: ReadonlyMap<string, string>): Promise<PluginResponse> => {
    const definition = BRO_TABLES.find((table) => table.name === name);
    const generate = Object.hasOwn(rows, name) ? rows[name] : undefined;
    if (!definition || !generate) return { code: 1, message: `bro-osquery has no table ${name}`, rows: [] };
    const call = readTableCall(request);
    if (call.action === 'columns') return { code: 0, message: 'OK', rows: tableRoutes(definition) };
    return { code: 0, message: 'OK', rows: await generate(call.constraints) };
  };
}

const seconds = (milliseconds: number): string => String(Math.floor(milliseconds / 1_000));

function peerRows({ peers, schedule }: TableSources): Row[] {
  return peers().map(({ peer, state, incarnation, failures, lastError }) => {
    const bro = broOf(schedule(), peer);
    return {
      address: peer,
      state,
      endpoint_id: incarnation,
      since: bro ? seconds(bro.lostAt ?? bro.connectedAt) : '',
      attempts: String(failures),
      last_error: lastError,
    };
  });
}

function subscriptionRows(state: ScheduleState): Row[] {
  return subscriptions(state).map(({ name, peer, query, subscribedAt }) => ({
    name,
    peer,
    vocabulary: query.vocabulary,
    event: query.event,
    query: query.sql,
    cookie: query.cookie,
    interval: String(query.interval),
    update_type: query.updateType,
    response_topic: query.responseTopic,
    since: seconds(subscribedAt),
  }));
}

function deliveryRow(delivery: DeliveryCounts): Row {
  const { peer, name, taken, refused, sent, resent, confirmed, dropped, skipped, pending } = delivery;
  const counts = {
    taken,
    journalled: taken - refused,
    sent,
    resent,
    confirmed,
    dropped,
    skipped: Object.values(skipped).reduce((sum, rows) => sum + rows, 0),
    pending,
  };
  return {
    peer,
    name,
    ...Object.fromEntries(Object.entries(counts).map(([key, value]) => [key, String(value)])),
  };
}

async function eventRows(directory: string, constraints: readonly Constraint[]): Promise<Row[]> {
  const accepts = (seq: number): boolean =>
    constraints.every(({ column, operator, value }) => {
      if (column !== 'version') return true;
      if (operator === '=') return seq === Number(value);
      if (operator === '>') return seq > Number(value);
      if (operator === '>=') return seq >= Number(value);
      if (operator === '<') return seq < Number(value);
      return operator !== '<=' || seq <= Number(value);
    });
  const rows: Row[] = [];
  for await (const record of (await readLog(directory)).records) {
    if (!accepts(record.seq)) continue;
    rows.push(eventRow(record));
    if (rows.length >= 2 * RECORDS) rows.splice(0, rows.length - RECORDS);
  }
  return rows.slice(-RECORDS);
}

function eventRow({ seq, time, type, data }: LogRecord): Row {
  return { version: String(seq), time: String(time / 1_000), type, data: JSON.stringify(data) };
}
