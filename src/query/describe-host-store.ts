import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '../files/directory-store.ts';
import type { ManagerClient } from '../osquery/manager-client.ts';
import { OsqueryError } from '../osquery/osquery-error.ts';
import type { Row } from '../osquery/row.ts';
import type { Host } from '../vocabulary/model.ts';
import { availableNames } from '../zeek-agent/available.ts';
import type { HostFactsReader } from '../zeek-agent/host-facts-client.ts';

type Queries = Pick<ManagerClient, 'query'>;

/** A firmware that has no uuid says one of these; cloned machines share them. */
const NO_UUIDS = new Set([
  '',
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  '03000200-0400-0500-0006-000700080009',
]);

/** What osquery does not know of the host. */
export interface HostContext {
  /** `uid`: what the configuration has it called; empty: nothing. */
  readonly settings: () => { readonly uid: string };
  /** `uuid` makes a random UUID of version 4. */
  readonly runtime: { readonly uuid: () => string };
  readonly endpointId: string;
  readonly instanceId: string;
  readonly version: string;
}

/** Asks osquery what the host is. Groups and endpoint id are the endpoint's own to add. */
export async function describeHost(
  client: Queries,
  context: HostContext,
  stateDirectory: string,
  facts: Pick<HostFactsReader, 'read'>,
): Promise<Host> {
  const [system, os, kernel, uptime, addresses, tables, interfaces, agentTables] = await Promise.all([
    first(client, 'SELECT uuid, hostname, cpu_type FROM system_info'),
    first(client, 'SELECT name, version, platform, arch FROM os_version'),
    first(client, 'SELECT version, arguments FROM kernel_info'),
    first(client, 'SELECT total_seconds FROM uptime'),
    all(client, 'SELECT address FROM interface_addresses'),
    all(client, "SELECT name FROM osquery_registry WHERE registry = 'table' AND active = 1"),
    all(client, 'SELECT mac FROM interface_details'),
    facts.read().then(availableNames),
  ]);
  const uid = context.settings().uid;
  return {
    id:
      uid ||
      hostUuid(system) ||
      macHash(interfaces) ||
      (await randomId(stateDirectory, context.runtime.uuid)),
    hostname: system['hostname'] ?? '',
    addresses: [...new Set(addresses.map((row) => (row['address'] ?? '').replace(/%.*$/, '')))]
      .filter((address) => address !== '')
      .sort(),
    groups: [],
    endpointId: context.endpointId,
    instanceId: context.instanceId,
    agentVersion: context.version,
    platform: os['platform'] ?? '',
    osName: [os['name'], os['version']].filter(Boolean).join(' '),
    kernelName: process.platform === 'linux' ? 'Linux' : process.platform,
    kernelVersion: kernel['version'] ?? '',
    kernelArch: os['arch'] || (system['cpu_type'] ?? ''),
    uptime: Number(uptime['total_seconds'] ?? 0) || 0,
    tables: [...new Set([...tables.map((row) => row['name'] ?? ''), ...agentTables])]
      .filter((name) => name !== '')
      .sort(),
  };
}

function hostUuid(system: Row): string {
  const uuid = (system['uuid'] ?? '').toLowerCase();
  return NO_UUIDS.has(uuid) ? '' : (system['uuid'] ?? '');
}

/** The same on each start as long as the hardware is; loopback has no address of its own. */
function macHash(interfaces: readonly Row[]): string {
  const macs = interfaces
    .map((row) => row['mac'] ?? '')
    .filter((mac) => mac !== '' && mac !== '00:00:00:00:00:00')
    .sort();
  return macs.length === 0 ? '' : createHash('sha256').update(macs.join(' ')).digest('hex').slice(0, 32);
}

/** Random, and the same on each start. Throws as the file system does: another id would be another host. */
async function randomId(stateDirectory: string, uuid: () => string): Promise<string> {
  const path = join(stateDirectory, 'host-id');
  const kept = existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
  // One that is empty was being written when the power went.
  if (kept !== '') return kept;
  const id = uuid();
  await makeDirectory(stateDirectory);
  writeFileSync(path, `${id}\n`, { mode: 0o600, flush: true });
  return id;
}

async function first(client: Queries, sql: string): Promise<Row> {
  const [row] = await all(client, sql);
  return row ?? {};
}

/** A table that this osquery has not is no reason to say nothing of the host. */
async function all(client: Queries, sql: string): Promise<readonly Row[]> {
  try {
    return await client.query(sql, 10_000);
  } catch (error) {
    if (error instanceof OsqueryError && error.kind === 'refused') return [];
    throw error;
  }
}
