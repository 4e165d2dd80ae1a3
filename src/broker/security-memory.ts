import type { TlsMaterial, TlsMode } from './tls.ts';

/** Node's SecureContext: a context of OpenSSL. */
interface TlsContext {
  context: unknown;
}

/** A context, and what it was made of. */
interface MadeContext {
  readonly mode: TlsMode;
  readonly material: TlsMaterial;
  readonly context: TlsContext;
}

/**
 * What attempts to connect have in common. What kind of connection an address of unstated security (`host:port`) has
 * accepted: only what has led to a peering is remembered, and forgotten when it no longer does. And the last context of
 * TLS, which is costly to make and the same as long as the files are.
 */
export class SecurityMemory {
  readonly #known = new Map<string, 'plain' | 'tls'>();
  #made: MadeContext | undefined;

  /** The context for these files: the last one, or a new one. Throws what `make` throws. */
  contextOf(mode: TlsMode, material: TlsMaterial, make: () => TlsContext): TlsContext {
    const last = this.#made;
    if (last && last.mode === mode && isSame(last.material, material)) return last.context;
    const context = make();
    this.#made = { mode, material, context };
    return context;
  }

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

function isSame(one: TlsMaterial, other: TlsMaterial): boolean {
  const bytes = ({ ca, certificate, key }: TlsMaterial) => [...ca, certificate ?? NONE, key ?? NONE];
  const theirs = bytes(other);
  const ours = bytes(one);
  return (
    one.passphrase === other.passphrase &&
    ours.length === theirs.length &&
    ours.every((part, at) => Buffer.compare(part, theirs[at] ?? NONE) === 0)
  );
}

const NONE = new Uint8Array();
