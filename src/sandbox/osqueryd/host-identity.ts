import type { SettingStore } from './denylist.ts';
import type { Flags } from './flags.ts';
import { hostUuid } from './tables/host.ts';

export interface HostIdentityOptions {
  readonly flags: Flags;
  readonly store: SettingStore;
  readonly hostName: string;
  readonly randomUuid: () => string;
}

/** What osqueryd calls its host, by `--host_identifier`; uuids are made once and kept in the database. */
export class HostIdentity {
  readonly #options: HostIdentityOptions;

  constructor(options: HostIdentityOptions) {
    this.#options = options;
  }

  identifier(): string {
    const { flags, hostName } = this.#options;
    switch (flags.text('host_identifier')) {
      case 'specified':
        return flags.text('specified_identifier');
      case 'uuid':
        return this.uuid();
      case 'instance':
        return this.instanceId();
      case 'ephemeral':
        return this.#kept('ephemeral', this.#options.randomUuid);
      default:
        return hostName;
    }
  }

  uuid(): string {
    return this.#kept('uuid', () => hostUuid(this.#options.randomUuid));
  }

  instanceId(): string {
    return this.#kept('instance_id', this.#options.randomUuid);
  }

  #kept(name: string, make: () => string): string {
    const known = this.#options.store.setting(name);
    if (known !== undefined) return known;
    const fresh = make();
    this.#options.store.setSetting(name, fresh);
    return fresh;
  }
}
