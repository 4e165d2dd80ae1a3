import type { HandshakeMessage } from './handshake-messages.ts';

/** The one version of Broker's native protocol that exists (Zeek 5 to 9). */
export const PROTOCOL_VERSION = 1;

/** Broker's error codes as drop_conn carries them (broker/error.hh), those that a handshake meets. */
export const DROP_CODE = {
  peerIncompatible: 2,
  invalidMessage: 20,
  shuttingDown: 28,
  unexpectedHandshakeMessage: 31,
  wrongMagicNumber: 38,
  redundantConnection: 39,
  logicError: 40,
} as const;

/** The endpoint with the smaller id originates, whichever side opened the connection. */
export type HandshakeRole = 'originator' | 'responder';

/** Why a handshake ended without a peering. */
export interface HandshakeFailure {
  readonly code: 'redundant' | 'stale' | 'incompatible' | 'refused' | 'goodbye' | 'protocol';
  readonly message: string;
  /** Trying again soon won't help. */
  readonly refused: boolean;
}

export type HandshakeState =
  | { readonly at: 'awaitHello' }
  | { readonly at: 'awaitHelloOrVersionSelect' }
  | { readonly at: 'awaitVersionSelect'; readonly remoteId: string }
  | { readonly at: 'awaitOriginatorSyn'; readonly remoteId: string }
  | { readonly at: 'awaitResponderSynAck'; readonly remoteId: string }
  | { readonly at: 'awaitOriginatorAck'; readonly remoteId: string; readonly filter: readonly string[] }
  | {
      readonly at: 'peered';
      readonly remoteId: string;
      readonly filter: readonly string[];
      readonly role: HandshakeRole;
    }
  | { readonly at: 'failed'; readonly failure: HandshakeFailure };

/** Where the handshake stands and what to send, in this order. */
export interface HandshakeStep {
  readonly state: HandshakeState;
  readonly send: readonly HandshakeMessage[];
}

export interface HandshakeSelf {
  /** Our endpoint id. */
  readonly id: string;
  /** Topic prefixes that we want. */
  readonly filter: readonly string[];
  /**
   * Whether a connection to this peer may go on; false if there is one already. Called once a handshake, when
   * the peer's id and the roles are known.
   */
  admit(remoteId: string, role: HandshakeRole): boolean;
  /** Whether we know of another connection to this peer. */
  connected(remoteId: string): boolean;
}

/** The side that opened the connection says hello, the other probes. */
export function startHandshake(side: 'connecting' | 'accepting', self: HandshakeSelf): HandshakeStep {
  return side === 'connecting'
    ? { state: { at: 'awaitHelloOrVersionSelect' }, send: [hello(self)] }
    : { state: { at: 'awaitHello' }, send: [{ type: 'probe' }] };
}

/** The next step. Any message in any state leads to a state; what doesn't belong there fails the handshake. */
export function continueHandshake(
  state: HandshakeState,
  message: HandshakeMessage,
  self: HandshakeSelf,
): HandshakeStep {
  if (state.at === 'failed') return { state, send: [] };
  if (message.type === 'drop-conn')
    return { state: { at: 'failed', failure: dropped(message, self) }, send: [] };
  switch (state.at) {
    case 'awaitHello':
      if (message.type === 'probe') return { state, send: [] };
      if (message.type === 'hello') return onHello(message, self, 'accepting');
      break;
    case 'awaitHelloOrVersionSelect':
      if (message.type === 'probe') return { state, send: [] };
      if (message.type === 'hello') return onHello(message, self, 'connecting');
      if (message.type === 'version-select') return onVersionSelect(message, self);
      break;
    case 'awaitVersionSelect':
      if (message.type === 'probe') return { state, send: [] };
      if (message.type === 'version-select') {
        if (message.id === state.remoteId) return onVersionSelect(message, self);
        return fail(self, 'the peer changed its endpoint id during the handshake');
      }
      break;
    case 'awaitOriginatorSyn':
      if (message.type === 'originator-syn') {
        return {
          state: { at: 'awaitOriginatorAck', remoteId: state.remoteId, filter: message.filter },
          send: [{ type: 'responder-syn-ack', filter: self.filter }],
        };
      }
      break;
    case 'awaitResponderSynAck':
      if (message.type === 'responder-syn-ack') {
        const { remoteId } = state;
        return {
          state: { at: 'peered', remoteId, filter: message.filter, role: 'originator' },
          send: [{ type: 'originator-ack' }],
        };
      }
      break;
    case 'awaitOriginatorAck':
      if (message.type === 'originator-ack') {
        const { remoteId, filter } = state;
        return { state: { at: 'peered', remoteId, filter, role: 'responder' }, send: [] };
      }
      break;
    case 'peered':
      break;
    default:
      state satisfies never;
  }
  return fail(self, `unexpected ${message.type} in state ${state.at}`);
}

function onHello(
  message: Extract<HandshakeMessage, { type: 'hello' }>,
  self: HandshakeSelf,
  side: 'connecting' | 'accepting',
): HandshakeStep {
  const { minVersion, maxVersion } = message;
  if (minVersion > PROTOCOL_VERSION || maxVersion < PROTOCOL_VERSION) {
    const versions = minVersion === maxVersion ? `${minVersion}` : `${minVersion} to ${maxVersion}`;
    return incompatible(self, `the peer speaks version ${versions} of Broker's protocol`);
  }
  if (message.id === self.id) return fail(self, 'the peer has our own endpoint id: connected to ourselves?');
  if (self.id < message.id) {
    if (!self.admit(message.id, 'originator')) return redundant(self);
    return {
      state: { at: 'awaitResponderSynAck', remoteId: message.id },
      send: [
        { type: 'version-select', id: self.id, version: PROTOCOL_VERSION },
        { type: 'originator-syn', filter: self.filter },
      ],
    };
  }
  // With the larger id the accepting side answers by its own hello; the connecting side has said its own.
  if (side === 'connecting') return fail(self, 'unexpected hello: the peer should have selected a version');
  return { state: { at: 'awaitVersionSelect', remoteId: message.id }, send: [hello(self)] };
}

function onVersionSelect(
  message: Extract<HandshakeMessage, { type: 'version-select' }>,
  self: HandshakeSelf,
): HandshakeStep {
  if (message.version !== PROTOCOL_VERSION) {
    return incompatible(self, `the peer selected version ${message.version} of Broker's protocol`);
  }
  if (message.id >= self.id) return fail(self, 'the peer took the role of the originator with the larger id');
  if (!self.admit(message.id, 'responder')) return redundant(self);
  return { state: { at: 'awaitOriginatorSyn', remoteId: message.id }, send: [] };
}

function hello(self: HandshakeSelf): HandshakeMessage {
  return { type: 'hello', id: self.id, minVersion: PROTOCOL_VERSION, maxVersion: PROTOCOL_VERSION };
}

function redundant(self: HandshakeSelf): HandshakeStep {
  const message = 'already connected to this peer';
  return drop(self, DROP_CODE.redundantConnection, { code: 'redundant', message, refused: false });
}

function incompatible(self: HandshakeSelf, problem: string): HandshakeStep {
  const message = `${problem}, this program speaks version ${PROTOCOL_VERSION} (Zeek 5 to 9)`;
  return drop(self, DROP_CODE.peerIncompatible, { code: 'incompatible', message, refused: true });
}

function fail(self: HandshakeSelf, message: string): HandshakeStep {
  return drop(self, DROP_CODE.unexpectedHandshakeMessage, { code: 'protocol', message, refused: false });
}

function drop(self: HandshakeSelf, code: number, failure: HandshakeFailure): HandshakeStep {
  return {
    state: { at: 'failed', failure },
    send: [{ type: 'drop-conn', id: self.id, code, reason: failure.message }],
  };
}

function dropped(
  message: Extract<HandshakeMessage, { type: 'drop-conn' }>,
  self: HandshakeSelf,
): HandshakeFailure {
  const text = `the peer dropped the connection: ${message.reason || 'no reason given'} (code ${message.code})`;
  switch (message.code) {
    case DROP_CODE.peerIncompatible:
      return { code: 'incompatible', message: text, refused: true };
    case DROP_CODE.redundantConnection:
    // Broker's answer of a responder to what an originator calls redundant.
    case DROP_CODE.logicError:
      if (self.connected(message.id)) return { code: 'redundant', message: text, refused: false };
      return {
        code: 'stale',
        message: `${text}; it still considers an earlier connection alive`,
        refused: false,
      };
    case DROP_CODE.shuttingDown:
      return { code: 'goodbye', message: text, refused: false };
    case DROP_CODE.wrongMagicNumber:
    case DROP_CODE.invalidMessage:
    case DROP_CODE.unexpectedHandshakeMessage:
      return { code: 'protocol', message: text, refused: false };
    default:
      return { code: 'refused', message: text, refused: true };
  }
}
