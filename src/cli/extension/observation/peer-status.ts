import type { AnyActorRef } from 'xstate';
import { peerActorId } from '../../../../actors/broker-endpoint.machine.ts';

/** How things stand with one Bro, as its machine has it. */
export interface PeerStatus {
  readonly peer: string;
  /** The state of its link, from the outside in: `linked.peered`. */
  readonly state: string;
  readonly incarnation: string;
  /** Failures since the last healthy connection. */
  readonly failures: number;
  /** Why the last connection ended; empty if none has. */
  readonly lastError: string;
  /** What is wrong with the stream that keeps rows on their way; empty: nothing. */
  readonly streamTrouble: string;
}

interface PeerSnapshot {
  readonly value: { readonly link: unknown };
  readonly context: {
    readonly incarnation: string;
    readonly failures: number;
    readonly streamTrouble: string;
    readonly lastClose: { readonly reason: string } | null;
  };
}

/** The Bros' machines of a running system, those of the given addresses. */
export function peerStatuses(root: AnyActorRef, peers: readonly string[]): PeerStatus[] {
  return peers.flatMap((peer) => {
    const actor: AnyActorRef | undefined = root.system.get(peerActorId(peer));
    if (!actor) return [];
    const { value, context }: PeerSnapshot = actor.getSnapshot();
    return [
      {
        peer,
        state: pathOf(value.link),
        incarnation: context.incarnation,
        failures: context.failures,
        lastError: context.lastClose?.reason ?? '',
        streamTrouble: context.streamTrouble,
      },
    ];
  });
}

/** The state of osquery's link, and why there is no registration. */
export function osqueryStatus(root: AnyActorRef): { state: string; uuid: string; reason: string } {
  const actor: AnyActorRef | undefined = root.system.get('osquery-core');
  if (!actor) return { state: 'ended', uuid: '', reason: '' };
  const { value, context } = actor.getSnapshot();
  return { state: pathOf(value), uuid: context.uuid, reason: context.reason };
}

/** The names of a state down to where it parts into regions. */
function pathOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const entries = Object.entries(value ?? {});
  const [first] = entries;
  return entries.length === 1 && first ? `${first[0]}.${pathOf(first[1])}`.replace(/\.$/, '') : '';
}
