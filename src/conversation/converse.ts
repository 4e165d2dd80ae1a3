import type { TopicEvent } from '../broker/zeek-event.ts';
import type { Receipt, Request, VocabularyId } from '../vocabulary/model.ts';
import { queryDigest } from '../vocabulary/query-digest.ts';
import type { Vocabularies } from '../vocabulary/vocabularies.ts';
import { knowsInstances } from '../vocabulary/zeek-package.ts';
import type { Conversation, ConversationInput, ConversationStep } from './conversation.ts';
import {
  farewells,
  gapMessages,
  introductions,
  knownPackageEvents,
  noticeIn,
  ownPackageEvents,
  repeatedHellos,
} from './messages.ts';

type InputOf<T extends ConversationInput['type']> = Extract<ConversationInput, { readonly type: T }>;

/**
 * How a conversation goes on: pure, and the same for the same three arguments.
 * @param vocabularies those that the host speaks; the same ones for the whole conversation
 */
export function converse(
  conversation: Conversation,
  input: ConversationInput,
  vocabularies: Vocabularies,
): ConversationStep {
  const { at } = input;
  switch (input.type) {
    case 'connected':
      return step(conversation, { say: messagesOf(introductions(conversation, at, vocabularies)) });
    case 'requested':
      return requested(conversation, input, vocabularies);
    case 'acknowledged': {
      const { acknowledgement } = input;
      if (!isForUs(conversation, acknowledgement)) return step(conversation);
      return step(speaking(conversation, acknowledgement.vocabulary), {
        acknowledgements: [acknowledgement],
      });
    }
    case 'declared':
      return declared(conversation, input, vocabularies);
    case 'columns-wanted': {
      const { vocabulary, topic } = input.wanted;
      return step({ ...speaking(conversation, vocabulary), columnsTopic: topic });
    }
    case 'malformed': {
      const { vocabulary, problem } = input;
      const say = noticeIn(vocabulary, { level: 'warning', text: problem }, conversation, at, vocabularies);
      return step(conversation, { say, problems: [problem] });
    }
    case 'filter-changed':
      return filterChanged(conversation, input, vocabularies);
    case 'host-changed': {
      const next = { ...conversation, host: input.host };
      const details = knownPackageEvents(next, vocabularies)?.details(input.host);
      const say = [...messagesOf(introductions(next, at, vocabularies)), ...(details ? [details] : [])];
      return step(next, { say });
    }
    case 'hello-due':
      return step(conversation, { say: repeatedHellos(conversation, at, vocabularies) });
    case 'notice': {
      const { notice } = input;
      const id = notice.query?.vocabulary ?? conversation.spoken[0];
      return step(conversation, { say: id ? noticeIn(id, notice, conversation, at, vocabularies) : [] });
    }
    case 'gap':
      return step(conversation, { say: gapMessages(conversation, input, vocabularies) });
    case 'leaving':
      return step(conversation, { say: farewells(conversation, at, vocabularies) });
    default:
      return input satisfies never;
  }
}

/** Another host with our id hears the same topic: what is meant for it says nothing of our rows. */
function isForUs({ host, packageVersion }: Conversation, { instanceId }: Receipt): boolean {
  return instanceId === undefined ? !knowsInstances(packageVersion) : instanceId === host.instanceId;
}

function step(
  conversation: Conversation,
  effects: Partial<Omit<ConversationStep, 'conversation'>> = {},
): ConversationStep {
  return { say: [], requests: [], acknowledgements: [], problems: [], ...effects, conversation };
}

function requested(
  conversation: Conversation,
  { at, request, audience }: InputOf<'requested'>,
  vocabularies: Vocabularies,
): ConversationStep {
  const requests = [{ request, audience }];
  const spoken = speaking(conversation, vocabularyOf(request));
  if (request.type !== 'greet') return step(spoken, { requests });
  // A Zeek says which one it is: in case it didn't understand what was said before that was known, it is said again.
  const { zeekVersion, packageVersion: scriptsVersion, vocabulary } = request;
  if (spoken.zeekVersion === zeekVersion && spoken.scriptsVersion === scriptsVersion) {
    return step(spoken, { requests });
  }
  const next = { ...spoken, zeekVersion, scriptsVersion };
  const again = introductions(next, at, vocabularies).filter((one) => one.vocabulary === vocabulary);
  return step(next, { say: messagesOf(again), requests });
}

/** A declaration is answered with what this host holds; a Zeek that wants something else sends it whole. */
function declared(
  conversation: Conversation,
  { declaration, audience, held }: InputOf<'declared'>,
  vocabularies: Vocabularies,
): ConversationStep {
  const { vocabulary, zeekInstance, packageVersion } = declaration;
  const next = { ...speaking(conversation, vocabulary), packageVersion };
  const queries = held.filter(
    (query) =>
      query.vocabulary === vocabulary && (query.zeekInstance === '' || query.zeekInstance === zeekInstance),
  );
  const digest = queryDigest(queries);
  const events = ownPackageEvents(vocabularies);
  const say = [
    ...(conversation.packageVersion === '' ? [events.details(next.host)] : []),
    events.queriesHeld(next.host, zeekInstance, digest),
    ...(knowsInstances(packageVersion) ? [events.instance(next.host)] : []),
  ];
  // A Zeek that never noticed that we were gone has no reason to ask again: its word that we have what it wants is as
  // good, and without it the queries would end.
  if (next.isAffirmed || digest.size === 0 || digest.hash !== declaration.desired.hash) {
    return step(next, { say });
  }
  const request: Request = { type: 'desiredQueries', vocabulary, zeekInstance, queries };
  return step({ ...next, isAffirmed: true }, { say, requests: [{ request, audience }] });
}

/** The Zeek listens to more than before: what it could not hear then it is told now. */
function filterChanged(
  conversation: Conversation,
  { at, filter }: InputOf<'filter-changed'>,
  vocabularies: Vocabularies,
): ConversationStep {
  const before = new Set(introductions(conversation, at, vocabularies).map(({ message }) => message.topic));
  const next = { ...conversation, filter };
  const say = messagesOf(introductions(next, at, vocabularies)).filter(({ topic }) => !before.has(topic));
  return step(next, { say });
}

/** The vocabulary spoken last comes first, each once. */
function speaking(conversation: Conversation, id: VocabularyId): Conversation {
  if (conversation.spoken[0] === id) return conversation;
  return { ...conversation, spoken: [id, ...conversation.spoken.filter((other) => other !== id)] };
}

function vocabularyOf(request: Request): VocabularyId {
  return 'query' in request ? request.query.vocabulary : request.vocabulary;
}

function messagesOf(announcements: readonly { readonly message: TopicEvent }[]): readonly TopicEvent[] {
  return announcements.map(({ message }) => message);
}
