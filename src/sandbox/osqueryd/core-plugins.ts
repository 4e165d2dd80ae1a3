import { readFileSync } from 'node:fs';
import { reasonOf } from '../../text/reason.ts';
import type { Config } from './config/config.ts';
import { ConfigError } from './config/config-json.ts';
import type { Flags } from './flags.ts';
import type { Loggers } from './logging/loggers.ts';
import type { StatusLog } from './logging/status-log.ts';
import type { Registry } from './registry.ts';
import type { ScheduleLock } from './schedule-lock.ts';
import { rowText } from './sql/cell.ts';
import type { SqlEngine } from './sql/engine.ts';
import type { Table } from './sql/table.ts';
import { type ExtensionResponse, failure, type StringMap, success } from './thrift/messages.ts';

export interface CorePluginsOptions {
  readonly config: Config;
  readonly engine: SqlEngine;
  readonly flags: Flags;
  readonly lock: ScheduleLock;
  readonly log: StatusLog;
  readonly loggers: Loggers;
  readonly registry: Registry;
  readonly callExtension: (registry: string, item: string, request: StringMap) => Promise<ExtensionResponse>;
  /** Called when a config text has been taken over. */
  readonly configured: () => void;
}

/** Plugins that answer `call`: those of extensions by calling them back, those of osqueryd here. */
export class CorePlugins {
  readonly #options: CorePluginsOptions;

  constructor(options: CorePluginsOptions) {
    this.#options = options;
  }

  async call(registry: string, item: string, request: StringMap): Promise<ExtensionResponse> {
    const { log } = this.#options;
    if (!this.#options.registry.has(registry)) {
      const message = `Unknown registry requested: ${registry}`;
      log.error(
        'registry_factory.cpp',
        188,
        `${registry} registry ${item} plugin caused exception: ${message}`,
      );
      return refused(message);
    }
    const wanted = item === '' ? this.#options.registry.active(registry) : item;
    if (!wanted.includes(',')) return await this.#callItem(registry, wanted, request);
    const response: StringMap[] = [];
    for (const name of wanted.split(',')) {
      response.push(...(await this.#callItem(registry, name, request)).response);
    }
    // How the single ones ended is nobody's business there.
    return ok(response);
  }

  async #callItem(registry: string, item: string, request: StringMap): Promise<ExtensionResponse> {
    const route = this.#options.registry.route(registry, item);
    if (!route) return refused(`Cannot call registry item: ${item}`);
    // An update goes to the core's own config whatever plugin it names.
    if (registry === 'config' && request['action'] === 'update') return await this.#update(request);
    if (route.kind === 'extension') return await this.#options.callExtension(registry, item, request);
    switch (registry) {
      case 'config':
        return this.#config(item, request);
      case 'table':
        return await this.#table(item, request);
      case 'sql':
        return await this.#sql(request);
      case 'logger':
        return { status: this.#options.loggers.core(item, request), response: [] };
      default:
        return ok();
    }
  }

  #config(item: string, request: StringMap): ExtensionResponse {
    const action = request['action'];
    if (action === undefined) return refused('Config plugins require an action');
    if (action === 'genConfig') {
      if (item === 'filesystem') return this.#fileConfig();
      return { status: { code: 0, message: 'Unused', uuid: 0 }, response: [{}] };
    }
    if (action === 'genPack') return item === 'filesystem' ? filePack(request) : refused('Not implemented');
    if (action === 'option') {
      const name = request['name'] ?? '';
      return ok([{ name, value: this.#options.flags.text(name) }]);
    }
    return refused(`Config plugin action unknown: ${action}`);
  }

  async #update(request: StringMap): Promise<ExtensionResponse> {
    const { config, configured, lock } = this.#options;
    const [source, data] = [request['source'], request['data']];
    if (source === undefined || data === undefined) return refused('Missing source or data');
    return await lock.hold(async () => {
      try {
        if (await config.update(new Map([[source, data]]))) configured();
        return ok();
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        configured();
        return refused(error.message);
      }
    });
  }

  /** The file of --config_path; its path is the source's name. */
  #fileConfig(): ExtensionResponse {
    const path = this.#options.flags.text('config_path');
    try {
      return ok([{ [path]: readFileSync(path, 'utf8') }]);
    } catch {
      return refused(`config file does not exist: ${path}`);
    }
  }

  async #table(item: string, request: StringMap): Promise<ExtensionResponse> {
    const table = this.#options.engine.table(item);
    if (!table) return refused(`Cannot call registry item: ${item}`);
    if (request['action'] === 'columns') return ok(tableColumns(table));
    if (request['action'] === 'generate') return await this.#query(`SELECT * FROM "${item}"`);
    return refused('Table plugins must include a request action');
  }

  async #sql(request: StringMap): Promise<ExtensionResponse> {
    const sql = request['query'] ?? '';
    switch (request['action']) {
      case 'query':
        return await this.#query(sql);
      case 'columns':
        return this.#guard(() =>
          this.#options.engine.columns(sql).map(({ name, type }) => ({ n: name, t: type, o: '0' })),
        );
      case 'tables':
        return this.#guard(() => this.#options.engine.tablesOf(sql).map((name) => ({ t: name })));
      default:
        return refused('Unknown action');
    }
  }

  async #query(sql: string): Promise<ExtensionResponse> {
    try {
      const { rows } = await this.#options.engine.query(sql, {
        locked: (work) => this.#options.lock.hold(work),
      });
      return ok(rows.map(rowText));
    } catch (error) {
      return refused(reasonOf(error));
    }
  }

  #guard(work: () => readonly StringMap[]): ExtensionResponse {
    try {
      return ok(work());
    } catch (error) {
      return refused(reasonOf(error));
    }
  }
}

function tableColumns(table: Table): StringMap[] {
  const own = table.columns.filter((column) => column.alias === undefined);
  return [
    ...own.map(({ name, options, type }) => ({ id: 'column', name, op: String(options ?? 0), type })),
    ...table.columns.flatMap(({ alias, name }) =>
      alias === undefined ? [] : [{ id: 'columnAlias', name, target: alias }],
    ),
    { id: 'attributes', attributes: String(table.attributes ?? 0) },
  ];
}

function filePack(request: StringMap): ExtensionResponse {
  try {
    return ok([{ [request['name'] ?? '']: readFileSync(request['value'] ?? '', 'utf8') }]);
  } catch {
    return refused(`Error reading query pack: ${request['value'] ?? ''}`);
  }
}

function ok(response: readonly StringMap[] = []): ExtensionResponse {
  return { status: success(), response };
}

function refused(message: string): ExtensionResponse {
  return { status: failure(message), response: [] };
}
