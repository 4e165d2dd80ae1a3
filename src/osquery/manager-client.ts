/**
 * The extension manager of osqueryd, as an extension calls it over osquery's unix socket. Calls run side by
 * side, each on a connection of its own taken from a small pool; osqueryd serves a connection with a thread.
 */
import { type Column, parseColumns } from './columns.ts';
import { ManagerConnection } from './manager-connection.ts';
import { OsqueryError } from './osquery-error.ts';
import type { ExtensionInfo, Registry } from './registration.ts';
import type { Row } from './row.ts';
import { Semaphore } from './semaphore.ts';
import { checkSocketPath } from './socket-path.ts';
import type { WireExtensionInfo, WireManagerClient, WireOption, WireResponse, WireStatus } from './wire.ts';

/** One of osquery's flags; `type` is string, bool, uint64, int32 or uint32. */
export interface OsqueryOption {
  readonly value: string;
  readonly defaultValue: string;
  readonly type: string;
}

/** What a plugin says of a call; 0 is success, and the features of a logger are a code as well. */
export interface Status {
  readonly code: number;
  readonly message: string;
}

export interface CallResult {
  readonly status: Status;
  readonly response: readonly Row[];
}

export interface ManagerClientOptions {
  /** `--extensions_socket` of osqueryd. */
  readonly path: string;
  /** Milliseconds for what osqueryd answers at once; default 10 000. */
  readonly deadline?: number;
  /** Milliseconds for `query` and `call`; default 300 000, osquery's own `--thrift_timeout`. */
  readonly queryDeadline?: number;
  /** How many `query` run in osqueryd at a time; default 4. Others wait their turn. */
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
  /** `deadline` in milliseconds, from when its turn has come; where it is over, osqueryd works on all the same. */
  query(sql: string, deadline?: number): Promise<readonly Row[]>;
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

/** Connections kept for the next call; each is a thread in osqueryd. */
const MAX_IDLE = 2;

/** Throws {@link OsqueryError} `unreachable` for a path that no unix socket can have. Connects to nothing yet. */
export function createManagerClient(options: ManagerClientOptions): ManagerClient {
  const { path, deadline = 10_000, queryDeadline = 300_000, concurrentQueries = 4 } = options;
  checkSocketPath(path);
  const idle: ManagerConnection[] = [];
  const all = new Set<ManagerConnection>();
  const watches = new Set<ManagerConnection>();
  const queries = new Semaphore(concurrentQueries);
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

  async function run<T>(
    method: string,
    within: number,
    send: (client: WireManagerClient) => Promise<T>,
  ): Promise<T> {
    if (closed) throw new OsqueryError('unreachable', `the client of ${path} was closed`);
    const kept = idle.pop();
    const connection = kept?.open ? kept : connect();
    try {
      return await connection.call(method, within, send);
    } finally {
      if (connection.open && !closed && idle.length < MAX_IDLE) idle.push(connection);
      else connection.close();
    }
  }

  async function status(method: string, send: (client: WireManagerClient) => Promise<WireStatus>) {
    return successful(await run(method, deadline, send));
  }

  async function rows(method: 'query' | 'getQueryColumns', sql: string, within: number) {
    const result = await run(method, within, (client) => client[method](sql));
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
    query: (sql, within = queryDeadline) => queries.run(() => rows('query', sql, within)),
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

/** A status that was left out means success, as osquery itself takes it. */
function successful(status: WireStatus | null): WireStatus {
  const code = status?.code ?? 0;
  if (code !== 0) throw new OsqueryError('refused', status?.message ?? '', code);
  return status ?? { code, message: null, uuid: null };
}

function callResult(result: WireResponse): CallResult {
  const { code, message } = result.status ?? { code: 0, message: '' };
  return { status: { code: code ?? 0, message: message ?? '' }, response: result.response ?? [] };
}

function wireInfo(info: ExtensionInfo): WireExtensionInfo {
  return {
    name: info.name,
    version: info.version,
    sdk_version: info.sdkVersion,
    min_sdk_version: info.minSdkVersion,
  };
}

function extensionInfo(info: WireExtensionInfo): ExtensionInfo {
  return {
    name: info.name,
    version: info.version,
    sdkVersion: info.sdk_version,
    minSdkVersion: info.min_sdk_version,
  };
}

function osqueryOption(option: WireOption): OsqueryOption {
  return { value: option.value, defaultValue: option.default_value, type: option.type };
}
