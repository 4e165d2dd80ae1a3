/**
 * What kind of connection an address of unstated security (`host:port`) has accepted, shared by all attempts to
 * reach it. Only what has led to a peering is remembered, and forgotten when it no longer does.
 */
export class SecurityMemory {
  readonly #known = new Map<string, 'plain' | 'tls'>();

  recall(address: string): 'plain' | 'tls' | undefined {
    return this.#known.get(address);
  }

  remember(address: string, security: 'plain' | 'tls'): void {
    this.#known.set(address, security);
  }

  forget(address: string): void {
    this.#known.delete(address);
  }
}
