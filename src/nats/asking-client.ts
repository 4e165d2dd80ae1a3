import type { MsgHdrs, NatsConnection } from 'nats';
import { CodecError } from '../broker/codec-error.ts';
import type { Closed } from '../broker/connection.ts';
import { permissionFailure, problemOf } from './failures.ts';
import { decodeMessage, encodeMessage, type NatsMessage } from './message.ts';

/** What became of a question. */
export type Asked =
  | { readonly outcome: 'answered'; readonly answer: NatsMessage }
  /** Nobody listens there, which the server says at once. */
  | { readonly outcome: 'nobody' }
  /** Somebody listens and says nothing. */
  | { readonly outcome: 'silent' }
  | { readonly outcome: 'failed'; readonly closed: Closed };

export interface Question {
  readonly subject: string;
  readonly message: Parameters<typeof encodeMessage>[0];
  readonly headers: MsgHdrs;
  /** Milliseconds. */
  readonly timeout: number;
  readonly server: string;
}

/** Asks on a subject. Never throws. */
export async function ask(client: NatsConnection, question: Question): Promise<Asked> {
  const { subject, message, headers, timeout, server } = question;
  try {
    const { data } = await client.request(subject, encodeMessage(message), { timeout, headers });
    return { outcome: 'answered', answer: decodeMessage(data) };
  } catch (error) {
    if (error instanceof CodecError) {
      const problem = `invalid reply on ${subject} at ${server}: ${error.message}`;
      return { outcome: 'failed', closed: { code: 'protocol', message: problem, refused: false } };
    }
    const { code, permissionContext } = problemOf(error);
    if (code === 'PERMISSIONS_VIOLATION') {
      const { operation = 'publish', subject: denied = subject } = permissionContext ?? {};
      return { outcome: 'failed', closed: permissionFailure(operation, denied, server) };
    }
    return { outcome: code === 'TIMEOUT' ? 'silent' : 'nobody' };
  }
}
