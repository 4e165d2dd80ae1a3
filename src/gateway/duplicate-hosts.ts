/** Milliseconds for which a host that was replaced is remembered. */
const REMEMBERED = 600_000;

interface Replaced {
  readonly endpointId: string;
  at: number;
  toldAt: number;
}

/** `two-again`: that has been said within the last ten minutes. */
export type HowMany = 'one' | 'two' | 'two-again';

/**
 * Tells two hosts with one id from one host that has started anew. A host keeps its Broker endpoint as long as it runs:
 * if one that was replaced comes back while the one that replaced it is there, both run.
 */
export class DuplicateHosts {
  readonly #replaced = new Map<string, Replaced>();

  /**
   * A host comes while another connection has its id.
   * @param now milliseconds
   */
  howMany(id: string, newcomer: string, connected: string, now: number): HowMany {
    if (newcomer === connected) return 'one';
    const replaced = this.#replaced.get(id);
    if (replaced?.endpointId !== newcomer || now - replaced.at >= REMEMBERED) {
      this.#replaced.set(id, { endpointId: connected, at: now, toldAt: Number.NEGATIVE_INFINITY });
      return 'one';
    }
    replaced.at = now;
    if (now - replaced.toldAt < REMEMBERED) return 'two-again';
    replaced.toldAt = now;
    return 'two';
  }

  /** Forgets what is too long ago. */
  forget(now: number): void {
    for (const [id, { at }] of this.#replaced) if (now - at >= REMEMBERED) this.#replaced.delete(id);
  }
}
