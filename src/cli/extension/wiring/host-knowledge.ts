import type { ManagerClient } from '../../../osquery/manager-client.ts';
import { RememberedTables } from '../../../osquery/remembered-tables.ts';
import { createTableAccessReader } from '../../../osquery/table-access-store.ts';
import { lookUpTable } from '../../../osquery/table-columns.ts';
import { HostFactsReader } from '../../../zeek-agent/host-facts-client.ts';
import type { SystemLogOptions } from '../../../zeek-agent/system-log-client.ts';

/** What osquery has told of the host and of its own tables, kept for as long as that osqueryd runs. */
export class HostKnowledge {
  readonly #tables: RememberedTables;
  readonly access: ReturnType<typeof createTableAccessReader>;
  readonly facts: HostFactsReader;
  readonly lookUp: RememberedTables['lookUp'];

  constructor(client: ManagerClient, systemLog: SystemLogOptions) {
    this.#tables = new RememberedTables((table) => lookUpTable(client, table));
    this.lookUp = this.#tables.lookUp;
    this.access = createTableAccessReader(this.lookUp);
    this.facts = new HostFactsReader({ client, platform: process.platform, systemLog });
  }

  /** An osqueryd that started anew may have other tables. */
  forget(): void {
    this.access.forget();
    this.#tables.forget();
    this.facts.forget();
  }
}
