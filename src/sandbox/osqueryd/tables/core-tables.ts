import type { Clock } from '../clock.ts';
import type { FileEvents } from '../file-events.ts';
import type { Table } from '../sql/table.ts';
import { groups, users } from './accounts.ts';
import { file } from './file.ts';
import { loadAverage, osVersion, systemInfo, uptime } from './host.ts';
import { interfaceAddresses, interfaceDetails } from './interfaces.ts';
import { mounts } from './mounts.ts';
import { type OsqueryFacts, osqueryTables } from './osquery.ts';
import { processes } from './processes.ts';
import { listeningPorts, processOpenSockets } from './sockets.ts';
import { time } from './time.ts';

/** The tables of the stand-in itself. */
export function coreTables(clock: Clock, events: FileEvents, facts: OsqueryFacts): readonly Table[] {
  return [
    file,
    groups,
    interfaceAddresses,
    interfaceDetails,
    listeningPorts,
    loadAverage,
    mounts,
    osVersion,
    processes,
    processOpenSockets,
    systemInfo(facts.hostUuid),
    time(clock),
    uptime,
    users,
    events.table(),
    ...osqueryTables(facts),
  ];
}
