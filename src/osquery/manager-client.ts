/**
 * The extension manager of osqueryd, as an extension calls it over osquery's unix socket. Calls run side by
 * side, each on a connection of its own taken from a small pool; osqueryd serves a connection with a thread.
 */
import { type Column, parseColumns } from './columns.ts';
import { ManagerConnection } from './manager-connection.ts';
import {
  type CallResult,
  callResult,
  extensionInfo,
  type OsqueryOption,
  osqueryOption,
  successful,
  wireInfo,
} from './manager-values.ts';
import { OsqueryError } from './osquery-error.ts';
import type { ExtensionInfo, Registry } from './registration.ts';
import type { Row } from './row.ts';
import { Semaphore } from './semaphore.ts';
import { checkSocketPath } from './socket-path.ts';
import type { WireManagerClient, WireStatus } from './wire.ts';

export interface ManagerClientOptions {
  /** `--extensions_socket` of osqueryd. */
  readonly path: string;
  /** Milliseconds for what osqueryd answers at once; default 10 000. */
  readonly deadline?: number;
  /** Milliseconds for `query` and `call`; default 300 000, osquery's own `--thrift_timeout`. */
  readonly queryDeadline?: number;
  /**
   * How many `query` of one asker run in osqueryd at a time; default 2. Others wait their turn. One that was given
   * up counts until osqueryd has done with it, for nothing can stop it there: queries without end therefore hold
   * up nobody but whoever asked them.
   */
  readonly concurrentQueries?: number;
}

/**
 * What osqueryd offers an extension. Every method throws {@link OsqueryError}: `refused` with osquery's text and
 * code where the status isn't 0, except `call`, whose status code may be an answer.
 */
export interface ManagerClient {
  ping(): Promise<void>;
  /** The uuid that osqueryd gave the extension; it must now serve `<path>.<uuid>`. */
  registerExtension(info: ExtensionInfo, registry: Registry): Promise<number>;
  deregisterExtension(uuid: number): Promise<void>;
  /** The living extensions by uuid, without osquery's core. */
  extensions(): Promise<ReadonlyMap<number, ExtensionInfo>>;
  options(): Promise<ReadonlyMap<string, OsqueryOption>>;
  /**
   * `deadline` in milliseconds, with the time in which others have their turn; `asker` on whose behalf, this
   * program's own by default.
   */
  query(sql: string, deadline?: number, asker?: string): Promise<readonly Row[]>;
  /** Prepares the statement without running it. */
  getQueryColumns(sql: string, deadline?: number): Promise<readonly Column[]>;
  /**
   * Calls a plugin; `item` "" is the active one of its registry. The default deadline is that of `query`: a
   * config update waits in osqueryd until the scheduled query that is running, and the logging of its rows, end.
   */
  call(registry: string, item: string, request: Row, deadline?: number): Promise<CallResult>;
  /**
   * Holds a connection and says once, as soon as it ends or can't be made, that osqueryd is gone: also when it
   * was killed. Returns how to stop watching.
   */
  watch(onGone: (why: OsqueryError) => void): () => void;
  /** Ends all calls with `unreachable`. */
  close(): void;
}

/** The asker of what this program itself wants to know. */
const OWN = '';
/** Connections kept for the next call; each is a thread in osqueryd. */
const MAX_IDLE = 2;
/** Milliseconds that a query whose caller has gone counts as running, at most. */
const MAX_LINGER = 300_000;

/** Throws {@link OsqueryError} `unreachable` for a path that no unix socket can have. Connects to nothing yet. */
export function createManagerClient(options: ManagerClientOptions): ManagerClient {
  const { path, deadline = 10_000, queryDeadline = 300_000, concurrentQueries = 2 } = options;
  checkSocketPath(path);
  const idle: ManagerConnection[] = [];
  const all = new Set<ManagerConnection>();
  const watches = new Set<ManagerConnection>();
  const lingering = new Set<ManagerConnection>();
  const askers = new Map<string, Semaphore>();
  let closed = false;

  function connect(): ManagerConnection {
    const connection: ManagerConnection = new ManagerConnection(path, () => {
      all.delete(connection);
      const at = idle.indexOf(connection);
      if (at >= 0) idle.splice(at, 1);
    });
    all.add(connection);
    return connection;
  }

  async function run<T>(method: string, within: number, send: Send<T>, slot?: QuerySlot): Promise<T> {
    if (closed) throw new OsqueryError('unreachable', `the client of ${path} was closed`);
    const kept = idle.pop();
    const connection = kept?.open ? kept : connect();
    try {
      return await connection.call(method, { total: within, left: slot?.left ?? within }, send);
    } catch (error) {
      if (slot && error instanceof OsqueryError && error.kind === 'timeout') slot.keep(linger(connection));
      throw error;
    } finally {
      if (connection.open && !closed && idle.length < MAX_IDLE) idle.push(connection);
      else if (!lingering.has(connection)) connection.close();
    }
  }

  /** osqueryd works on at a query whose caller has gone: its connection shows when it is done with it. */
  function linger(connection: ManagerConnection): Promise<void> {
    lingering.add(connection);
    const timer = setTimeout(() => connection.close(), MAX_LINGER);
    timer.unref();
    return connection.closed.finally(() => {
      clearTimeout(timer);
      lingering.delete(connection);
    });
  }

  function queriesOf(asker: string): Semaphore {
    const queries = askers.get(asker) ?? new Semaphore(concurrentQueries);
    askers.set(asker, queries);
    return queries;
  }

  /** A query waits for its turn within its deadline, and keeps its place for as long as osqueryd works at it. */
  async function query(sql: string, within: number, asker: string): Promise<readonly Row[]> {
    const place = queriesOf(asker).enter();
    let busy = Promise.resolve();
    const began = performance.now();
    try {
      await inTime(place.turn, within, () => {
        const whose = asker === OWN ? 'this program' : asker;
        const why = `osquery was busy for ${within} ms with ${concurrentQueries} other queries of ${whose}`;
        return new OsqueryError('timeout', why);
      });
      const left = Math.max(1, within - (performance.now() - began));
      return await rows('query', sql, within, { left, keep: (until) => (busy = until) });
    } finally {
      busy.then(place.leave);
    }
  }

  async function status(method: string, send: (client: WireManagerClient) => Promise<WireStatus>) {
    return successful(await run(method, deadline, send));
  }

  async function rows(method: 'query' | 'getQueryColumns', sql: string, within: number, slot?: QuerySlot) {
    const result = await run(method, within, (client) => client[method](sql), slot);
    successful(result.status);
    return result.response ?? [];
  }

  return {
    async ping() {
      await status('ping', (client) => client.ping());
    },
    async registerExtension(info, registry) {
      const registered = await status('registerExtension', (client) =>
        client.registerExtension(wireInfo(info), registry),
      );
      return Number(registered.uuid);
    },
    async deregisterExtension(uuid) {
      await status('deregisterExtension', (client) => client.deregisterExtension(uuid));
    },
    async extensions() {
      const list = await run('extensions', deadline, (client) => client.extensions());
      return new Map(Object.entries(list).map(([uuid, info]) => [Number(uuid), extensionInfo(info)]));
    },
    async options() {
      const list = await run('options', deadline, (client) => client.options());
      return new Map(Object.entries(list).map(([name, option]) => [name, osqueryOption(option)]));
    },
    query: (sql, within = queryDeadline, asker = OWN) => query(sql, within, asker),
    async getQueryColumns(sql, within = deadline) {
      return parseColumns(await rows('getQueryColumns', sql, within));
    },
    async call(registry, item, request, within = queryDeadline) {
      return callResult(await run('call', within, (client) => client.call(registry, item, request)));
    },
    watch(onGone) {
      const connection: ManagerConnection = new ManagerConnection(path, (why) => {
        if (watches.delete(connection)) onGone(why);
      });
      watches.add(connection);
      return () => {
        watches.delete(connection);
        connection.close();
      };
    },
    close() {
      closed = true;
      const open = [...all, ...watches];
      watches.clear();
      for (const connection of open) connection.close();
    },
  };
}

type Send<T> = (client: WireManagerClient) => Promise<T>;

/** What a query has of its deadline when its turn has come, and how it holds its turn longer than its caller. */
interface QuerySlot {
  readonly left: number;
  keep(until: Promise<void>): void;
}

async function inTime(turn: Promise<void>, within: number, late: () => OsqueryError): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), within);
  try {
    await Promise.race([turn, promise]);
  } finally {
    clearTimeout(timer);
  }
}
