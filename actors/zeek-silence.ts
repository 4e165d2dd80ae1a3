import type { MessageOf } from '../src/bus/messages.ts';

/**
 * Milliseconds without a hello after which a Zeek instance (V5) counts as gone. Its scripts send one at least each minute.
 */
export const ZEEK_SILENCE = 120_000;

/** A Zeek instance behind a Bro (V5) has not said hello for too long. */
export interface ZeekSilent {
  readonly type: 'zeek.silent';
  readonly peer: string;
  readonly zeekInstance: string;
  readonly at: number;
}

/** What happens if this greeting is the last one. */
export function silenceAfter({ peer, at, request }: MessageOf<'peer.request'>): ZeekSilent {
  const zeekInstance = 'zeekInstance' in request ? request.zeekInstance : '';
  return { type: 'zeek.silent', peer, zeekInstance, at: at + ZEEK_SILENCE };
}

/** The same for all greetings of one instance. */
export function silenceId({ peer, zeekInstance }: ZeekSilent): string {
  return JSON.stringify([peer, zeekInstance]);
}
