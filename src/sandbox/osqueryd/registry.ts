import { reasonOf } from '../../text/reason.ts';
import type { StatusLog } from './logging/status-log.ts';
import {
  type ExtensionInfo,
  type ExtensionStatus,
  failure,
  type RegistryBroadcast,
  type StringMap,
  success,
} from './thrift/messages.ts';

/** The registries that extensions may add to, and what is in them without any. */
const CORE_ITEMS: Readonly<Record<string, readonly string[]>> = {
  config: ['filesystem', 'tls', 'update'],
  config_parser: [
    'auto_constructed_tables',
    'decorators',
    'events',
    'feature_vectors',
    'file_paths',
    'kafka_topics',
    'logger',
    'options',
    'prometheus_targets',
    'views',
  ],
  database: ['ephemeral'],
  distributed: ['tls'],
  enroll: ['tls'],
  event_publisher: ['auditeventpublisher', 'inotify', 'syslog', 'udev'],
  event_subscriber: [
    'apparmor_events',
    'file_events',
    'hardware_events',
    'process_events',
    'process_file_events',
    'seccomp_events',
    'selinux_events',
    'socket_events',
    'syslog_events',
    'user_events',
  ],
  logger: ['filesystem', 'stdout', 'syslog', 'tls'],
  numeric_monitoring: ['filesystem'],
  sql: ['sql'],
  table: [],
};

export interface Extension {
  readonly uuid: number;
  readonly info: ExtensionInfo;
  readonly socket: string;
  readonly broadcast: RegistryBroadcast;
}

export interface RegistryOptions {
  readonly log: StatusLog;
  readonly managerSocket: string;
  readonly random: () => number;
  /** Names of the tables of osqueryd itself. */
  readonly coreTables: () => readonly string[];
  /** @throws when SQLite refuses the table */
  readonly attachTable: (name: string, routes: readonly StringMap[], owner: Extension) => void;
  readonly detachTable: (name: string) => void;
}

export type Route = { readonly kind: 'core' } | { readonly kind: 'extension'; readonly extension: Extension };

/** Who offers which plugin; says no in the order and the words of osqueryd (osquery.md 2). */
export class Registry {
  readonly #options: RegistryOptions;
  readonly #extensions = new Map<number, Extension>();
  readonly #external = new Map<string, Extension>();
  readonly #active = new Map<string, string>();

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  get extensions(): readonly Extension[] {
    return [...this.#extensions.values()].sort((a, b) => a.uuid - b.uuid);
  }

  extension(uuid: number): Extension | undefined {
    return this.#extensions.get(uuid);
  }

  byName(name: string): Extension | undefined {
    return this.extensions.find((extension) => extension.info.name === name);
  }

  has(registry: string): boolean {
    return Object.hasOwn(CORE_ITEMS, registry);
  }

  route(registry: string, item: string): Route | undefined {
    const extension = this.#external.get(key(registry, item));
    if (extension) return { kind: 'extension', extension };
    return this.#coreItems(registry).includes(item) ? { kind: 'core' } : undefined;
  }

  /** The item that a call without an item goes to, or several joined by commas; empty before there is one. */
  active(registry: string): string {
    return this.#active.get(registry) ?? '';
  }

  /** @returns the plugin that nobody offers, if that is why it can't be */
  setActive(registry: string, items: readonly string[]): string | undefined {
    const unknown = items.find((item) => this.route(registry, item) === undefined);
    if (unknown === undefined) this.#active.set(registry, items.join());
    return unknown;
  }

  /** All items, for osquery_registry. */
  items(): readonly { registry: string; name: string; owner: number }[] {
    const core = Object.keys(CORE_ITEMS).flatMap((registry) =>
      this.#coreItems(registry).map((name) => ({ registry, name, owner: 0 })),
    );
    const external = [...this.#external].map(([path, { uuid }]) => {
      const [registry = '', name = ''] = path.split('\0');
      return { registry, name, owner: uuid };
    });
    return [...core, ...external].sort((a, b) =>
      key(a.registry, a.name) < key(b.registry, b.name) ? -1 : 1,
    );
  }

  register(info: ExtensionInfo, broadcast: RegistryBroadcast): ExtensionStatus {
    const { log, managerSocket } = this.#options;
    if (this.byName(info.name)) {
      log.error('interface.cpp', 114, `Refusing to register duplicate extension ${info.name}`);
      return failure('Duplicate extension registered');
    }
    if (isOldSdk(info.sdkVersion)) {
      log.warning(
        'interface.cpp',
        122,
        `Could not add extension ${info.name}: incompatible extension SDK ${info.sdkVersion}, minimum required is 1.7.7`,
      );
      return failure('Incompatible extension SDK version');
    }
    const uuid = this.#freshUuid();
    const extension: Extension = { uuid, info, broadcast, socket: `${managerSocket}.${uuid}` };
    const facts = `${info.name}, ${uuid}, version=${info.version}, sdk=${info.sdkVersion}`;
    log.info('interface.cpp', 137, `Registering extension (${facts})`);
    const refusal = this.#add(extension);
    if (refusal !== undefined) {
      log.error('interface.cpp', 143, `Could not add extension ${info.name}: ${refusal}`);
      return failure(`Failed adding registry: ${refusal}`);
    }
    this.#extensions.set(uuid, extension);
    return success(uuid);
  }

  deregister(uuid: number): ExtensionStatus {
    const extension = this.#extensions.get(uuid);
    if (!extension) return failure('No extension UUID found');
    this.#remove(extension);
    return success();
  }

  #add(extension: Extension): string | undefined {
    const { log } = this.#options;
    const { uuid } = extension;
    const sorted = [...extension.broadcast].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [registry, items] of sorted) {
      for (const item of items.keys()) {
        if (!this.route(registry, item)) continue;
        log.verbose(
          'registry_factory.cpp',
          89,
          `Extension ${uuid} has duplicate plugin name: ${item} in registry: ${registry}`,
        );
        return `Registry item ${item} conflicts with another item of the same name.`;
      }
    }
    for (const [registry, items] of sorted) {
      if (!this.has(registry)) {
        log.verbose('registry_factory.cpp', 104, `Extension ${uuid}contains unknown registry: ${registry}`);
        // What came before stays, under a uuid that nobody has: so it is in osqueryd.
        return `Unknown registry: ${registry}`;
      }
      const refusal = this.#addItems(extension, registry, items);
      if (refusal !== undefined) {
        this.#remove(extension);
        return refusal;
      }
      for (const item of items.keys()) {
        log.verbose('registry_factory.cpp', 116, `Extension ${uuid} registered ${registry} plugin ${item}`);
      }
    }
    return undefined;
  }

  #addItems(
    extension: Extension,
    registry: string,
    items: ReadonlyMap<string, readonly StringMap[]>,
  ): string | undefined {
    for (const [item, routes] of [...items].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (registry === 'table') {
        if (routes.length === 0) return 'Invalid route info';
        try {
          this.#options.attachTable(item, routes, extension);
        } catch (error) {
          return reasonOf(error);
        }
      }
      this.#external.set(key(registry, item), extension);
    }
    return undefined;
  }

  #remove(extension: Extension): void {
    for (const [path, owner] of this.#external) {
      if (owner !== extension) continue;
      this.#external.delete(path);
      const [registry, item = ''] = path.split('\0');
      if (registry === 'table') this.#options.detachTable(item);
    }
    this.#extensions.delete(extension.uuid);
  }

  #coreItems(registry: string): readonly string[] {
    return registry === 'table' ? this.#options.coreTables() : (CORE_ITEMS[registry] ?? []);
  }

  #freshUuid(): number {
    for (;;) {
      const uuid = 1 + Math.floor(this.#options.random() * 65_535);
      if (!this.#extensions.has(uuid)) return uuid;
    }
  }
}

function key(registry: string, item: string): string {
  return `${registry}\0${item}`;
}

/** Below 1.7.7; an empty version and 0.0.0 pass (s11b). */
function isOldSdk(version: string): boolean {
  if (version === '' || version === '0.0.0') return false;
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  return major * 1e6 + minor * 1e3 + patch < 1_007_007;
}
