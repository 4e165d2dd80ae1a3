import { peerActorId } from '../../actors/broker-endpoint.machine.ts';
import { MACHINES } from '../../actors/machines.ts';
import type { InboxInput } from '../../actors/port.ts';
import type { Published } from '../bus/messages.ts';
import { matches } from '../bus/subject.ts';
import { detailText } from './detail-text.ts';
import type { MessageEntry } from './entries.ts';

/** Who says what, where the message's area does not name its actor. */
const SENDERS: Readonly<Record<string, string>> = {
  extension: 'extension',
  osquery: 'osquery-core',
  logger: 'logger-plugin',
  schedule: 'schedule-manager',
  execution: 'schedule-manager',
  endpoint: 'broker-endpoint',
  courier: 'courier',
};

const PEER_MACHINE = 'bro-peer';

/** The subjects of every actor's inbox, as its machine has them; the Bros' own are named after each of them. */
const INBOXES: readonly { readonly actor: string; readonly subjects: readonly string[] }[] = [
  ...MACHINES.values(),
].flatMap((machine) =>
  machine.id === PEER_MACHINE
    ? []
    : machine.root.invoke
        .filter(({ src }) => src === 'inbox')
        .map(({ input }) => ({ actor: machine.id, subjects: (input as unknown as InboxInput).subjects })),
);

/** A message as the page shows it: who said it, and who hears it. */
export function messageEntry(message: Published): MessageEntry {
  const { type, subject, at } = message;
  const peer = 'peer' in message ? message.peer : '';
  return {
    kind: 'message',
    at,
    type,
    subject,
    from: senderOf(type, peer),
    to: receiversOf(subject, type, peer),
    peer,
    query: 'name' in message ? message.name : '',
    numbers: Object.fromEntries(
      Object.entries(message).filter(
        (member): member is [string, number] => typeof member[1] === 'number' && !BOOKKEEPING.has(member[0]),
      ),
    ),
    detail: detailText(message),
  };
}

const BOOKKEEPING: ReadonlySet<string> = new Set(['at', 'sequence']);

function senderOf(type: string, peer: string): string {
  const [area = ''] = type.split('.');
  if (type === 'peer.tell') return 'schedule-manager';
  return area === 'peer' ? peerActorId(peer) : (SENDERS[area] ?? area);
}

function receiversOf(subject: string, type: string, peer: string): string[] {
  const hearing = INBOXES.filter(({ subjects }) => subjects.some((pattern) => matches(pattern, subject)));
  const actors = hearing.map(({ actor }) => actor);
  return type === 'peer.tell' ? [...actors, peerActorId(peer)] : actors;
}
