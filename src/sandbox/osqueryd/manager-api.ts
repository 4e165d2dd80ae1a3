import { reasonOf } from '../../text/reason.ts';
import type { CorePlugins } from './core-plugins.ts';
import type { Flags } from './flags.ts';
import type { ManagerApi } from './manager-server.ts';
import type { Registry } from './registry.ts';
import type { ScheduleLock } from './schedule-lock.ts';
import { rowText } from './sql/cell.ts';
import type { SqlEngine } from './sql/engine.ts';
import { type ExtensionResponse, failure, type StringMap, success } from './thrift/messages.ts';

export interface ManagerApiParts {
  readonly engine: SqlEngine;
  readonly flags: Flags;
  readonly lock: ScheduleLock;
  readonly plugins: CorePlugins;
  readonly registry: Registry;
}

/** The extension manager's methods over osqueryd's parts. */
export function managerApi({ engine, flags, lock, plugins, registry }: ManagerApiParts): ManagerApi {
  return {
    ping: () => ({ code: 0, message: 'pong', uuid: 0 }),
    call: (name, item, request) => plugins.call(name, item, request),
    extensions: () => new Map(registry.extensions.map(({ info, uuid }) => [uuid, info])),
    options: () => flags.entries(),
    registerExtension: (info, broadcast) => registry.register(info, broadcast),
    deregisterExtension: (uuid) => registry.deregister(uuid),
    query: async (sql) => {
      try {
        const { rows } = await engine.query(sql, { locked: (work) => lock.hold(work) });
        return ok(rows.map(rowText));
      } catch (error) {
        return refused(error);
      }
    },
    getQueryColumns: (sql) => {
      try {
        return ok(engine.columns(sql).map(({ name, type }) => ({ [name]: type })));
      } catch (error) {
        return refused(error);
      }
    },
  };
}

function ok(response: readonly StringMap[]): ExtensionResponse {
  return { status: success(), response };
}

function refused(error: unknown): ExtensionResponse {
  return { status: failure(reasonOf(error)), response: [] };
}
