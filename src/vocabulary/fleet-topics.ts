import type { ZeekEvent } from '../broker/zeek-event.ts';
import { isGroupName } from './groups.ts';
import type { Decoded, Host } from './model.ts';
import type { Vocabularies } from './vocabularies.ts';

/** Whom a topic of requests is for. */
export type Addressee =
  | { readonly to: 'all' }
  | { readonly to: 'host'; readonly host: string }
  | { readonly to: 'group'; readonly group: string };

/** What stands for any host's id and any group's name where the vocabularies' topics are taken apart. */
const ANY_HOST = '\u0001';
const ANY_GROUP = '\u0002';

/**
 * The topics of requests of all enabled vocabularies, taken apart for who stands between a Zeek and many hosts: which
 * prefixes cover all hosts, which host a filter is of, whom a topic is for.
 */
export class FleetTopics {
  readonly #vocabularies: Vocabularies;
  /** Topics that every host listens on. */
  readonly #all: ReadonlySet<string>;
  /** What precedes a host's id. */
  readonly #hostPrefixes: readonly string[];
  /** What precedes a group's name. */
  readonly #groupPrefixes: readonly string[];

  constructor(vocabularies: Vocabularies) {
    this.#vocabularies = vocabularies;
    const topics = vocabularies.filter(pseudoHost(ANY_HOST, [ANY_GROUP]));
    const before = (mark: string) =>
      topics.filter((topic) => topic.endsWith(`/${mark}`) && topic.indexOf(mark) === topic.length - 1);
    this.#hostPrefixes = before(ANY_HOST).map((topic) => topic.slice(0, -ANY_HOST.length));
    this.#groupPrefixes = before(ANY_GROUP)
      .filter((topic) => !topic.includes(ANY_HOST))
      .map((topic) => topic.slice(0, -ANY_GROUP.length));
    this.#all = new Set(topics.filter((topic) => !topic.includes(ANY_HOST) && !topic.includes(ANY_GROUP)));
  }

  /** Topic prefixes that let through whatever is for any host; they don't change as hosts come and go. */
  get subscription(): readonly string[] {
    const prefixes = [...this.#all, ...this.#hostPrefixes, ...this.#groupPrefixes];
    return prefixes.filter(
      (topic, at) =>
        prefixes.indexOf(topic) === at &&
        !prefixes.some((other) => other !== topic && topic.startsWith(other)),
    );
  }

  /** The id of the host that a filter is of; undefined where it names none, or several. */
  hostOf(filter: readonly string[]): string | undefined {
    const ids = new Set<string>();
    for (const topic of filter) {
      for (const prefix of this.#hostPrefixes) {
        if (topic.startsWith(prefix)) ids.add(topic.slice(prefix.length));
      }
    }
    const [id, ...others] = ids;
    return id !== undefined && isHostId(id) && others.length === 0 ? id : undefined;
  }

  /** Whether a host may listen on this prefix: what is for all, for itself, or for a group. */
  mayListen(host: string, topic: string, isOtherHost: (id: string) => boolean): boolean {
    if (this.#all.has(topic)) return true;
    if (this.#hostPrefixes.some((prefix) => topic === prefix + host)) return true;
    return this.#groupPrefixes.some((prefix) => {
      if (!topic.startsWith(prefix)) return false;
      const group = topic.slice(prefix.length);
      // V5 has topics for the members of a group that are one host.
      const first = group.split('/', 1)[0] ?? '';
      return isGroupName(group) && (first === host || first === group || !isOtherHost(first));
    });
  }

  /** Whom a topic is for; several where vocabularies share it, none where it is no topic of requests. */
  addresseesOf(topic: string): readonly Addressee[] {
    if (this.#all.has(topic)) return [{ to: 'all' }];
    const after = (prefixes: readonly string[]) =>
      prefixes.filter((prefix) => topic.startsWith(prefix)).map((prefix) => topic.slice(prefix.length));
    return [
      ...after(this.#hostPrefixes)
        .filter(isHostId)
        .map((host): Addressee => ({ to: 'host', host })),
      ...after(this.#groupPrefixes)
        .filter(isGroupName)
        .map((group): Addressee => ({ to: 'group', group })),
    ];
  }

  /** What an event on a topic asks of whomever it is for; undefined if it asks nothing. Never throws. */
  decode(
    topic: string,
    event: ZeekEvent,
  ): { readonly decoded: Decoded; readonly addressee: Addressee } | undefined {
    for (const addressee of this.addresseesOf(topic)) {
      const host = pseudoHost(
        addressee.to === 'host' ? addressee.host : ANY_HOST,
        addressee.to === 'group' ? [addressee.group] : [],
      );
      const decoded = this.#vocabularies.decode(topic, event, host);
      if (decoded) return { decoded, addressee };
    }
    return undefined;
  }
}

/** As the settings allow it for a host's id. */
function isHostId(id: string): boolean {
  return /^[^\s/\p{Cc}]{1,255}$/u.test(id);
}

/** A host of which nothing but its id and groups is known. */
export function pseudoHost(id: string, groups: readonly string[] = []): Host {
  return {
    ...{ id, groups, hostname: '', addresses: [], endpointId: '', instanceId: '', agentVersion: '' },
    ...{ platform: '', osName: '', kernelName: '', kernelVersion: '', kernelArch: '', uptime: 0, tables: [] },
  };
}
