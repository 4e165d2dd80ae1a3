import type { MsgHdrs, NatsConnection } from 'nats';
import { CodecError } from '../broker/codec-error.ts';
import type { Closed } from '../broker/connection.ts';
import { permissionFailure, problemOf } from './failures.ts';
import { decodeMessage, encodeMessage, type NatsMessage } from './message.ts';

/** What became of a options. */
export type RequestOutcome =
  | { readonly outcome: 'answered'; readonly answer: NatsMessage }
  /** No subscriber, which the server reports at once. */
  | { readonly outcome: 'no-responder' }
  /** A subscriber that did not answer in time. */
  | { readonly outcome: 'no-answer' }
  | { readonly outcome: 'failed'; readonly closed: Closed };

export interface RequestOptions {
  readonly subject: string;
  readonly message: Parameters<typeof encodeMessage>[0];
  readonly headers: MsgHdrs;
  /** Milliseconds. */
  readonly timeout: number;
  readonly server: string;
}

/** Sends a request to a subject. Never throws. */
export async function request(client: NatsConnection, options: RequestOptions): Promise<RequestOutcome> {
  const { subject, message, headers, timeout, server } = options;
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
    return { outcome: code === 'TIMEOUT' ? 'no-answer' : 'no-responder' };
  }
}
