import type { TopicEvent, ZeekEvent } from '../broker/zeek-event.ts';
import { bro201701 } from './bro-2017-01.ts';
import { bro201702 } from './bro-2017-02.ts';
import { type Decoded, type Host, VOCABULARY_IDS, type VocabularyId } from './model.ts';
import type { SessionContext, Vocabulary } from './vocabulary.ts';
import { zeekAgent1 } from './zeek-agent-1.ts';
import { zeekAgent2 } from './zeek-agent-2.ts';
import { zeekOsquery } from './zeek-osquery.ts';

/** Each vocabulary, oldest first, with the topic prefix that its scripts use unless told otherwise. */
export const DEFAULT_PREFIXES: Readonly<Record<VocabularyId, string>> = {
  'bro-2017-01': '/bro/osquery',
  'bro-2017-02': '/bro/osquery',
  'zeek-osquery': '/bro/osquery',
  'zeek-agent-1': '/zeek/zeek-agent',
  'zeek-agent-2': '/zeek-agent',
};

const MAKERS: Readonly<Record<VocabularyId, (prefix: string) => Vocabulary>> = {
  'bro-2017-01': bro201701,
  'bro-2017-02': bro201702,
  'zeek-osquery': zeekOsquery,
  'zeek-agent-1': zeekAgent1,
  'zeek-agent-2': zeekAgent2,
};

export interface VocabularyOptions {
  /** Those to speak; all if absent. */
  readonly enabled?: readonly VocabularyId[];
  /** Topic prefixes in place of the default ones, without a slash at the end. */
  readonly topicPrefixes?: Readonly<Partial<Record<VocabularyId, string>>>;
}

/** All enabled vocabularies, spoken at once. */
export interface Vocabularies {
  readonly all: readonly Vocabulary[];
  get(id: VocabularyId): Vocabulary | undefined;
  /** The prefix that a vocabulary's topics have here. */
  prefix(id: VocabularyId): string;
  /** Every topic that the host listens on, each once. */
  filter(host: Host): readonly string[];
  /** Announcements that a Bro with this filter lets through; `undefined`: its filter is not known (WebSocket). */
  announcements(
    host: Host,
    session: SessionContext,
    peerFilter: readonly string[] | undefined,
  ): readonly Announcement[];
  /** What an event means in whatever vocabulary it is; undefined if in none, or not for this host. Never throws. */
  decode(topic: string, event: ZeekEvent, host: Host): Decoded | undefined;
}

export interface Announcement {
  readonly vocabulary: VocabularyId;
  readonly message: TopicEvent;
}

export function createVocabularies(options: VocabularyOptions = {}): Vocabularies {
  const prefix = (id: VocabularyId) => options.topicPrefixes?.[id] ?? DEFAULT_PREFIXES[id];
  const enabled = options.enabled ?? VOCABULARY_IDS;
  const all = VOCABULARY_IDS.filter((id) => enabled.includes(id)).map((id) => MAKERS[id](prefix(id)));
  return {
    all,
    prefix,
    get: (id) => all.find((vocabulary) => vocabulary.id === id),
    filter: (host) => [...new Set(all.flatMap((vocabulary) => vocabulary.filter(host)))],
    announcements(host, session, peerFilter) {
      const each = all.flatMap((vocabulary) =>
        vocabulary.announcement(host, session).map((message) => ({ vocabulary: vocabulary.id, message })),
      );
      return peerFilter ? letThrough(each, peerFilter) : each;
    },
    decode: (topic, event, host) => pick(all, topic, event, host),
  };
}

/** V1 and V2 share topics and names: whose request an event is shows in its arguments. */
function pick(
  vocabularies: readonly Vocabulary[],
  topic: string,
  event: ZeekEvent,
  host: Host,
): Decoded | undefined {
  let malformed: Decoded | undefined;
  for (const vocabulary of vocabularies) {
    const decoded = vocabulary.decode(topic, event, host);
    if (decoded && decoded.outcome !== 'malformed') return decoded;
    const meant = vocabulary.requests.get(event.name)?.length === event.args.length;
    if (decoded && (meant || !malformed)) malformed = decoded;
  }
  return malformed;
}

/**
 * Announcements that a filter lets through. V1's topic `…/announces` begins with V2's `…/announce` and both name the
 * same event, so a Bro of V2 would see each host twice: where two announcements would be the same to the Bro's
 * scripts, the one whose topic the filter names exactly goes, else the first.
 */
function letThrough(
  announcements: readonly Announcement[],
  filter: readonly string[],
): readonly Announcement[] {
  const passing = announcements.filter(({ message }) =>
    filter.some((entry) => message.topic.startsWith(entry)),
  );
  const named = ({ message }: Announcement) => filter.includes(message.topic);
  return passing.filter((announcement) => {
    const twins = passing.filter((other) => other === announcement || sameToScripts(other, announcement));
    return announcement === (twins.find(named) ?? twins[0]);
  });
}

function sameToScripts(a: Announcement, b: Announcement): boolean {
  return a.vocabulary !== b.vocabulary && a.message.event.name === b.message.event.name;
}
