import type { Closed } from '../broker/connection.ts';
import { explainTlsFailure } from '../broker/tls.ts';

/** What the package `nats` rejects with, as far as it is looked at. */
export interface NatsProblem {
  readonly message: string;
  readonly code?: unknown;
  readonly permissionContext?: { readonly operation: string; readonly subject: string } | undefined;
  readonly chainedError?: Error | undefined;
  readonly api_error?: { readonly code: number; readonly description: string } | undefined;
}

/** What was thrown, as such a problem. */
export function problemOf(error: unknown): NatsProblem {
  return error instanceof Error ? error : { message: String(error) };
}

const CREDENTIALS =
  'check credentials, nkey, or user and password in the settings, and that the server knows them';

/** Why a server was not reached. `server` is its address. */
export function openingFailure(error: NatsProblem, server: string, timeout: number): Closed {
  const { code } = error;
  const cause = error.chainedError ?? error;
  const refused = (problem: string): Closed => ({
    code: 'refused',
    message: `${server} ${problem}`,
    refused: true,
  });
  switch (code) {
    case 'CONNECTION_REFUSED':
      return {
        code: 'connect-failed',
        message: `${server} refused the connection: is it running?`,
        refused: false,
      };
    case 'TIMEOUT':
    case 'CONNECTION_TIMEOUT':
      return {
        code: 'connect-timeout',
        message: `${server} did not answer within ${timeout} ms`,
        refused: false,
      };
    case 'AUTHORIZATION_VIOLATION':
    case 'BAD_AUTHENTICATION':
    case 'BAD_CREDS':
      return refused(`rejected our credentials (${error.message}): ${CREDENTIALS}`);
    case 'AUTHENTICATION_EXPIRED':
    case 'ACCOUNT_EXPIRED':
    case 'AUTHENTICATION_TIMEOUT':
      return refused(`no longer accepts our credentials (${error.message}): renew them`);
    case 'SERVER_OPT_NA': {
      const message = `${server} does not use TLS, but this address does: use nats://, or enable TLS on the server`;
      return { code: 'tls-mismatch', message, refused: true };
    }
    case 'ECONNRESET': {
      // A server that refuses our certificate, or that there is none, says so and hangs up on what we have sent
      // meanwhile: its word may be lost by that.
      const hint = 'it may require TLS, or a client certificate (certificate, key)';
      return { code: 'reset', message: `${server} closed the connection at once: ${hint}`, refused: false };
    }
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return {
        code: 'resolve-failed',
        message: `${server} can't be resolved: ${error.message}`,
        refused: false,
      };
    default:
  }
  const tls = explainTlsFailure(cause);
  if (tls) return { code: tls.code, message: `${server} ${tls.problem}`, refused: tls.refused };
  if (code === 'TLS') {
    // Without TLS of ours the package stumbles over its own options, which helps nobody.
    const why = cause instanceof TypeError ? '' : ` (${cause.message})`;
    const message = `${server} requires TLS: use tls:// in its address${why}`;
    return { code: 'tls-mismatch', message, refused: true };
  }
  if (/unexpected response/.test(error.message)) {
    return { code: 'incompatible', message: `${server} does not speak NATS`, refused: true };
  }
  return { code: 'connect-failed', message: `${server} can't be reached: ${cause.message}`, refused: false };
}

/** Why a connection that was open has ended; undefined: the socket closed silently. */
export function endingFailure(error: NatsProblem | undefined, server: string): Closed {
  if (!error) return { code: 'reset', message: `${server} closed the connection`, refused: false };
  if (/slow consumer/i.test(error.message)) {
    const message = `${server} closed the connection: this side read too slowly (slow consumer)`;
    return { code: 'overflow', message, refused: false };
  }
  if (/stale connection/i.test(error.message)) {
    return {
      code: 'unresponsive',
      message: `${server} received nothing from us for too long (stale connection)`,
      refused: false,
    };
  }
  if (/AUTH|ACCOUNT|CREDS/.test(String(error.code))) return openingFailure(error, server, 0);
  return { code: 'reset', message: `lost the connection to ${server}: ${error.message}`, refused: false };
}

/** The server does not let us use a subject. */
export function permissionFailure(operation: string, subject: string, server: string): Closed {
  const verb = operation === 'publish' ? 'publish to' : 'subscribe to';
  const message = `${server} does not permit us to ${verb} ${subject}: add it to this user's permissions`;
  return { code: 'refused', message, refused: true };
}

/** Why a row is in no stream. */
export function streamFailure(error: NatsProblem, stream: string, server: string, timeout: number): Closed {
  const refused = (problem: string, code: Closed['code'] = 'refused'): Closed => ({
    code,
    message: `${server}: ${problem}`,
    refused: true,
  });
  const description = error.api_error?.description ?? '';
  if (/exceeded|insufficient|no space/i.test(description)) {
    const advice = 'let its Zeek catch up, or raise its limits; rows wait here meanwhile';
    return refused(`the stream ${stream} is full (${description}): ${advice}`, 'overflow');
  }
  if (/message size exceeds/i.test(description))
    return refused(
      `the stream ${stream} takes no message of that size: raise its max_msg_size`,
      'frame-too-large',
    );
  if (description !== '') return refused(`the stream ${stream} refused a row: ${description}`);
  switch (error.code) {
    case 'PERMISSIONS_VIOLATION': {
      const { operation = 'publish', subject = stream } = error.permissionContext ?? {};
      return permissionFailure(operation, subject, server);
    }
    case '503':
      return refused(`no stream stores rows, or JetStream is disabled: ${noStreamAdvice(stream)}`);
    case 'TIMEOUT':
      return {
        code: 'unresponsive',
        message: `${server}: the stream ${stream} acknowledged nothing for ${timeout} ms`,
        refused: false,
      };
    default:
      return endingFailure(error, server);
  }
}

function noStreamAdvice(stream: string): string {
  return `create ${stream} (jetstream: create does so), or set jetstream: off`;
}
