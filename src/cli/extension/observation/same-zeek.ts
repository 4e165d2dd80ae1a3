import type { Bus } from '../../../bus/bus.ts';

/**
 * Tells when two configured addresses lead to the same Zeek (a name and its address, native Broker and WebSocket): it
 * is a peer at each of them then, and gets what it asks for once for each.
 * @param tell called once for each pair, however often they connect
 */
export function watchForSameZeek(bus: Bus, tell: (peer: string, other: string) => void): void {
  const incarnations = new Map<string, string>();
  const told = new Set<string>();
  bus.subscribe(['peer.*.up', 'peer.*.down'], (message) => {
    if (message.type === 'peer.down') incarnations.delete(message.peer);
    if (message.type !== 'peer.up') return;
    const { peer, incarnation } = message;
    for (const [other, its] of incarnations) {
      const pair = JSON.stringify([peer, other].sort());
      if (other === peer || its !== incarnation || told.has(pair)) continue;
      told.add(pair);
      tell(peer, other);
    }
    incarnations.set(peer, incarnation);
  });
}
