/** What the first bytes of a peer say if they are none of Broker's native protocol. */
export interface Foreign {
  readonly code: 'tls-mismatch' | 'protocol';
  /** Continues a sentence that began with the peer. */
  readonly problem: string;
}

const HTTP = /^(HTTP|GET |POST|HEAD|PUT |OPTI)/;
/** TLS records of type alert (21) and handshake (22), version 3.x (RFC 8446, section 5.1). */
const ALERT = 0x15;
const HANDSHAKE = 0x16;

/** Bytes that tell a Broker from others. */
const HEAD = 4;

/** The first bytes of a stream, which tell whether the peer is a Broker at all. */
export class FirstBytes {
  #head = Buffer.alloc(0);

  /** Whether the peer has sent anything. */
  get some(): boolean {
    return this.#head.length > 0;
  }

  /** Looks at what came; says once, as soon as it shows, who the peer is if no Broker. */
  take(chunk: Uint8Array): Foreign | undefined {
    if (this.#head.length >= HEAD) return undefined;
    this.#head = Buffer.concat([this.#head, chunk.subarray(0, HEAD)]);
    return this.#head.length < HEAD ? undefined : recogniseForeign(this.#head);
  }
}

/** Recognises, by at least 4 bytes, who a native Broker connection has reached by mistake. */
function recogniseForeign(first: Uint8Array): Foreign | undefined {
  if ((first[0] === ALERT || first[0] === HANDSHAKE) && first[1] === 3) {
    return {
      code: 'tls-mismatch',
      problem: 'uses TLS, but this address is plain TCP: use brokers://',
    };
  }
  const start = Buffer.from(first.subarray(0, 4)).toString('latin1');
  if (HTTP.test(start)) {
    return { code: 'protocol', problem: "is an HTTP server: use ws:// or wss:// for Zeek's WebSocket API" };
  }
  if (/^SSH-/.test(start)) return { code: 'protocol', problem: 'is an SSH server, not a Zeek' };
  return undefined;
}
