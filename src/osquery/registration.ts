/** How the extension introduces itself to osqueryd, and what it brings. */
import { BRO_TABLES } from './bro-tables.ts';
import type { Row } from './row.ts';
import { tableRoutes } from './table-plugin.ts';

/** How an extension introduces itself. osquery refuses an `sdkVersion` below 1.7.7 but takes an empty one. */
export interface ExtensionInfo {
  readonly name: string;
  readonly version: string;
  readonly sdkVersion: string;
  readonly minSdkVersion: string;
}

/** Registry name to item name to routes: a table's columns, for other plugins none. */
export type Registry = Readonly<Record<string, Readonly<Record<string, readonly Row[]>>>>;

/** What `--extensions_require` waits for. */
export const EXTENSION_NAME = 'bro-osquery';

/** Our item in the registries logger, config and distributed: `--logger_plugin=bro` and so on. */
export const PLUGIN_NAME = 'bro';

/** 5.0.0 is the interface that the recordings were made with; osquery compares it with 1.7.7. */
export function extensionInfo(version: string): ExtensionInfo {
  return { name: EXTENSION_NAME, version, sdkVersion: '5.0.0', minSdkVersion: '0.0.0' };
}

/**
 * What the extension brings. Tables only on demand: osqueryd has been seen to deadlock when the tables of an
 * extension are removed. Plugins that aren't named in osquery's flags are pinged and never called.
 */
export function extensionRegistry(options: { readonly tables: boolean }): Registry {
  const plugins: Registry = {
    logger: { [PLUGIN_NAME]: [] },
    config: { [PLUGIN_NAME]: [] },
    distributed: { [PLUGIN_NAME]: [] },
  };
  if (!options.tables) return plugins;
  const tables = BRO_TABLES.map((table) => [table.name, tableRoutes(table)] as const);
  return { ...plugins, table: Object.fromEntries(tables) };
}
