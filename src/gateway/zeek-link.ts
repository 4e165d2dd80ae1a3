import type { Closed, Transport } from '../broker/connection.ts';

/** The Zeek at the other end of a link. */
export interface LinkedZeek {
  /** A UUID that changes whenever that Zeek starts anew. */
  readonly incarnation: string;
  /** Topic prefixes that it wants; undefined where the transport can't tell. */
  readonly filter: readonly string[] | undefined;
  readonly transport: Transport;
  readonly version: string;
  /** Whether what {@link ZeekLink.mark} asks for says that Zeek has taken in what was sent before. */
  readonly confirms: boolean;
}

/** One life of the one connection between a gateway and its Zeek. Messages are in Broker's binary form. */
export interface ZeekLink {
  /** Sends messages to one topic. @returns bytes that went on their way */
  send(topic: string, messages: readonly Uint8Array[]): number;
  /** Whether more may be sent; told anew by `onRoom`. */
  readonly isOpen: boolean;
  /** Asks to be told, by `onConfirmed`, when Zeek has taken in all that was sent before. */
  mark(token: bigint): void;
  leave(): Promise<void>;
  destroy(): void;
}

/** What a link tells its owner; nothing after `onClosed`. */
export interface ZeekLinkHandlers {
  onUp(zeek: LinkedZeek): void;
  /** A message for hosts, in Broker's binary form; valid during the call. */
  onPayload(topic: string, payload: Uint8Array): void;
  onFilter(filter: readonly string[]): void;
  onRoom(): void;
  onConfirmed(token: bigint): void;
  onProblem(problem: string): void;
  onClosed(closed: Closed): void;
}
