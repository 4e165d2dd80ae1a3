import { emptyReply, pingReply, type ReplyStatus } from './plain-call.ts';

/** Where the number of the request stands in a reply to a method with a name of four letters. */
const SEQID = 12;

/** Replies without rows: they differ in the number of the request alone, so the last of each kind is kept. */
export class ReplyCache {
  readonly #uuid: number;
  #ping: Kept | undefined;
  #call: Kept | undefined;

  /** @param uuid as given by `registerExtension` */
  constructor(uuid: number) {
    this.#uuid = uuid;
  }

  ping(code: number, message: string, seqid: number): Buffer {
    if (!isOf(this.#ping, code, message)) this.#ping = this.#make(pingReply, code, message);
    return numbered(this.#ping, seqid);
  }

  call(code: number, message: string, seqid: number): Buffer {
    if (!isOf(this.#call, code, message)) this.#call = this.#make(emptyReply, code, message);
    return numbered(this.#call, seqid);
  }

  #make(make: (status: ReplyStatus, seqid: number) => Buffer, code: number, message: string): Kept {
    return { code, message, bytes: make({ code, message, uuid: this.#uuid }, 0) };
  }
}

interface Kept {
  readonly code: number;
  readonly message: string;
  readonly bytes: Buffer;
}

function isOf(kept: Kept | undefined, code: number, message: string): kept is Kept {
  return kept !== undefined && kept.code === code && kept.message === message;
}

function numbered({ bytes }: Kept, seqid: number): Buffer {
  const reply = Buffer.from(bytes);
  reply.writeInt32BE(seqid, SEQID);
  return reply;
}
