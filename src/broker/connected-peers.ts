import type { HandshakeRole } from './handshake.ts';

/**
 * Which peers an endpoint is connected to, shared by all its native connections, so that two endpoints that
 * connect to each other end up with one connection. As in Broker the originator decides: it claims a peer when
 * it selects the version, and drops what comes second. The responder only refuses what is peered already, so
 * that two connections which cross can't both be dropped.
 */
export class ConnectedPeers {
  readonly #peers = new Map<string, { owner: object; peered: boolean }>();

  /** Whether the connection `owner` may go on with its handshake with this peer. */
  admit(remoteId: string, role: HandshakeRole, owner: object): boolean {
    const current = this.#peers.get(remoteId);
    if (current && (role === 'originator' || current.peered)) return current.owner === owner;
    if (role === 'originator') this.#peers.set(remoteId, { owner, peered: false });
    return true;
  }

  /** Whether there is another connection than this to the peer, as far as this side knows. */
  hasOther(remoteId: string, owner: object): boolean {
    const current = this.#peers.get(remoteId);
    return current !== undefined && current.owner !== owner;
  }

  /** The handshake is through. False if another connection was faster. */
  peered(remoteId: string, owner: object): boolean {
    const current = this.#peers.get(remoteId);
    if (current?.peered && current.owner !== owner) return false;
    this.#peers.set(remoteId, { owner, peered: true });
    return true;
  }

  /** The connection has closed, peered or not. */
  release(owner: object): void {
    for (const [id, peer] of this.#peers) if (peer.owner === owner) this.#peers.delete(id);
  }
}
