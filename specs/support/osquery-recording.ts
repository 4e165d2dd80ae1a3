import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ExtensionManager from '../../src/osquery/generated/ExtensionManager.js';
import { MessageSink, readingProtocol, WritingProtocol } from '../../src/osquery/thrift-message.ts';
import type { WireManagerClient, WireResponse } from '../../src/osquery/wire.ts';

/** One recorded call: the request's bytes, the reply's bytes. */
export interface RecordedCall {
  readonly sock: 'manager' | 'extension';
  readonly conn: number;
  readonly method: string;
  readonly seqid: number;
  readonly request: Buffer;
  readonly reply: Buffer;
}

interface RecordedMessage {
  readonly sock: 'manager' | 'extension';
  readonly conn: number;
  readonly dir: 'c>s' | 's>c';
  readonly name: string;
  readonly seqid: number;
  readonly raw: string;
}

/** The calls of a file of fixtures/osquery in the order of their requests. */
export function readRecording(name: string): RecordedCall[] {
  const path = join(import.meta.dirname, '../../fixtures/osquery', `${name}.jsonl`);
  const [, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  const messages = lines.map((line): RecordedMessage => JSON.parse(line));
  return messages
    .filter((message) => message.dir === 'c>s')
    .flatMap((request) => {
      const reply = messages.find(
        (message) =>
          message.dir === 's>c' &&
          message.sock === request.sock &&
          message.conn === request.conn &&
          message.seqid === request.seqid,
      );
      if (!reply) return [];
      return [
        {
          sock: request.sock,
          conn: request.conn,
          method: request.name,
          seqid: request.seqid,
          request: Buffer.from(request.raw, 'base64'),
          reply: Buffer.from(reply.raw, 'base64'),
        },
      ];
    });
}

type Receiver = (this: object, protocol: object, type: number, seqid: number) => void;

/** What a recorded reply says, read by the generated client. */
export async function readReply(method: string, reply: Buffer): Promise<unknown> {
  const client = new ExtensionManager.Client(
    new MessageSink(() => undefined),
    WritingProtocol,
  ) as unknown as WireManagerClient & Record<string, Receiver> & { _reqs: Record<number, unknown> };
  const protocol = readingProtocol(reply, 'text');
  const { mtype, rseqid } = protocol.readMessageBegin();
  return new Promise((resolve, reject) => {
    client._reqs[rseqid] = (error: unknown, result: unknown) => (error ? reject(error) : resolve(result));
    client[`recv_${method}`]?.call(client, protocol, mtype, rseqid);
  });
}

/** What a recorded reply to `call` says. */
export async function readCallReply(reply: Buffer): Promise<WireResponse> {
  return (await readReply('call', reply)) as WireResponse;
}

/** Runs the method that a recorded request names, with its arguments, on the handler; gives the result. */
export async function dispatch(request: Buffer, handler: Record<string, unknown>): Promise<void> {
  const done = Promise.withResolvers<void>();
  const settling = Object.fromEntries(
    Object.entries(handler).map(([method, work]) => [method, settle(work as Work, done)]),
  );
  const processor = new ExtensionManager.Processor(settling);
  processor.process(readingProtocol(request, 'text'), new WritingProtocol(new MessageSink(() => undefined)));
  await done.promise;
}

type Work = (...args: unknown[]) => Promise<unknown>;

/** The generated processor looks at the number of parameters to tell promises from callbacks. */
function settle(work: Work, done: PromiseWithResolvers<void>): Work {
  const settled = async (...args: unknown[]) => {
    try {
      await work(...args);
      done.resolve();
    } catch (error) {
      done.reject(error);
    }
    return {};
  };
  return Object.defineProperty(settled, 'length', { value: work.length });
}
