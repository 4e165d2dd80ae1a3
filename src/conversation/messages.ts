import type { TopicEvent } from '../broker/zeek-event.ts';
import { formatGap } from '../vocabulary/gap-text.ts';
import type { Column, Gap, Notice, Query, SentRows, VocabularyId } from '../vocabulary/model.ts';
import { queryColumns } from '../vocabulary/query-columns.ts';
import type { Announcement, Vocabularies } from '../vocabulary/vocabularies.ts';
import type { SessionContext } from '../vocabulary/vocabulary.ts';
import { countsRows, knowsInstances, type PackageEvents, packageEvents } from '../vocabulary/zeek-package.ts';
import type { Conversation } from './conversation.ts';

/** What a host says to the Zeek of a conversation, in the vocabularies' own events. */

/** The vocabulary in which our own Zeek package speaks. */
const PACKAGE_VOCABULARY: VocabularyId = 'zeek-osquery';

/** The events of our own Zeek package, for a Zeek that declares itself to have it. */
export function ownPackageEvents(vocabularies: Vocabularies): PackageEvents {
  return packageEvents(vocabularies.prefix(PACKAGE_VOCABULARY));
}

/** The same; undefined for a Zeek that has not declared itself yet, and may not know them. */
export function knownPackageEvents(
  { packageVersion }: Conversation,
  vocabularies: Vocabularies,
): PackageEvents | undefined {
  return packageVersion === '' ? undefined : ownPackageEvents(vocabularies);
}

/** The host's introductions, those that the Zeek's filter lets through. */
export function introductions(
  conversation: Conversation,
  at: number,
  vocabularies: Vocabularies,
): readonly Announcement[] {
  const { host, filter } = conversation;
  return vocabularies.announcements(host, occasionOf(conversation, at), filter ?? undefined);
}

/**
 * Hello again, in the vocabularies that want it. A Zeek whose filter is unknown (WebSocket) logs an error for each
 * event that it doesn't know; one that knows the vocabulary has answered the first hello, or says hello itself.
 */
export function repeatedHellos(
  conversation: Conversation,
  at: number,
  vocabularies: Vocabularies,
): readonly TopicEvent[] {
  return introductions(conversation, at, vocabularies)
    .filter(({ vocabulary: id }) => {
      if (conversation.filter === null && !conversation.spoken.includes(id)) return false;
      return vocabularies.get(id)?.helloInterval !== undefined;
    })
    .map(({ message }) => message);
}

/** The notice in that vocabulary; none where it has no word for it. */
export function noticeIn(
  id: VocabularyId,
  notice: Notice,
  { host, packageVersion }: Conversation,
  at: number,
  vocabularies: Vocabularies,
): readonly TopicEvent[] {
  const message = vocabularies.get(id)?.notice(notice, host, { at, packageVersion });
  return message ? [message] : [];
}

/** In the Zeek's own vocabulary: if it has said nothing over this connection, in that in which it asked before. */
export function gapMessages(
  conversation: Conversation,
  { gap, asked, at }: { readonly gap: Gap; readonly asked: VocabularyId | null; readonly at: number },
  vocabularies: Vocabularies,
): readonly TopicEvent[] {
  const events = knownPackageEvents(conversation, vocabularies);
  if (events) return [events.gap(conversation.host, gap)];
  const id = conversation.spoken[0] ?? asked;
  if (id === null) return [];
  return noticeIn(id, { level: 'warning', text: formatGap(gap) }, conversation, at, vocabularies);
}

/** Milliseconds after which hello is due again; null where no vocabulary wants that. */
export function helloInterval({ all }: Vocabularies): number | null {
  const seconds = all.flatMap((vocabulary) => vocabulary.helloInterval ?? []);
  return seconds.length === 0 ? null : Math.min(...seconds) * 1_000;
}

/** The host ends in good order: each vocabulary that has an event for it says so. */
export function farewells(
  conversation: Conversation,
  at: number,
  vocabularies: Vocabularies,
): readonly TopicEvent[] {
  const { host, filter } = conversation;
  const session = occasionOf(conversation, at);
  const events = knownPackageEvents(conversation, vocabularies);
  return [
    ...(events ? [events.farewell(host)] : []),
    ...vocabularies.all
      .flatMap((vocabulary) => vocabulary.farewell(host, session))
      .filter(({ topic }) => filter?.some((prefix) => topic.startsWith(prefix)) ?? true),
  ];
}

/** Asks the Zeek's scripts to acknowledge rows; undefined for scripts that can't. */
export function acknowledgementRequest(
  conversation: Conversation,
  sent: SentRows,
  vocabularies: Vocabularies,
): TopicEvent | undefined {
  const { host, packageVersion } = conversation;
  const events = knownPackageEvents(conversation, vocabularies);
  if (countsRows(packageVersion)) return events?.rowsSentV3(host, sent);
  if (knowsInstances(packageVersion)) return events?.rowsSentV2(host, sent.upTo);
  return events?.rowsSent(host, sent.upTo);
}

/** Says that a run of rows begins; undefined for scripts that don't count. */
export function runBeginning(
  conversation: Conversation,
  run: number,
  vocabularies: Vocabularies,
): TopicEvent | undefined {
  if (!countsRows(conversation.packageVersion)) return undefined;
  return knownPackageEvents(conversation, vocabularies)?.rowsBegin(conversation.host, run);
}

/** The names of a query's columns, for a Zeek that wants them. */
export function columnNamesMessage(
  { host, columnsTopic }: Conversation,
  query: Query,
  columns: readonly Column[],
): TopicEvent | undefined {
  return columnsTopic === null ? undefined : queryColumns(columnsTopic, host, query, columns);
}

function occasionOf({ connectionId, zeekVersion, scriptsVersion }: Conversation, at: number): SessionContext {
  return {
    at,
    connectionId,
    zeekVersion,
    ...(scriptsVersion !== null && { packageVersion: scriptsVersion }),
  };
}
