import { createConnection } from 'node:net';
import { type StatusReport, statusReport } from '../extension/observation/status-report.ts';

/** A longer report is none. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Milliseconds without a byte of a report. */
const PATIENCE = 5_000;

/** Why no report came: nobody listens there, or what came is no report. */
export class StatusError extends Error {
  readonly code: 'nobody' | 'unreadable';

  constructor(code: StatusError['code'], message: string) {
    super(message);
    this.name = 'StatusError';
    this.code = code;
  }
}

/** Codes of the system that mean that no extension runs there. */
const NOBODY = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTDIR']);

/** Asks a running extension how things stand. Rejects with a {@link StatusError}. */
export async function fetchStatus(path: string): Promise<StatusReport> {
  const data = await fetchReport(path);
  const parsed = statusReport.safeParse(data);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new StatusError(
    'unreadable',
    `the extension at ${path} has another version: its report differs at ${issue?.path.join('.') || 'the top level'}`,
  );
}

/** Whatever the program at a status socket reports. Rejects with a {@link StatusError}. */
export async function fetchReport(path: string): Promise<unknown> {
  const text = await readAll(path);
  try {
    return JSON.parse(text);
  } catch {
    throw new StatusError('unreadable', `invalid status report from ${path} (${text.length} characters)`);
  }
}

function readAll(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const fail = (code: StatusError['code'], message: string) => {
      socket.destroy();
      reject(new StatusError(code, message));
    };
    const socket = createConnection({ path });
    socket.setTimeout(PATIENCE, () =>
      fail('unreadable', `${path} did not answer within ${PATIENCE / 1_000} s`),
    );
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const isNobody = NOBODY.has(error.code ?? '');
      fail(isNobody ? 'nobody' : 'unreadable', `can't connect to ${path}: ${error.message}`);
    });
    socket.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_BYTES) fail('unreadable', `${path} sent more than a status report`);
      else chunks.push(chunk);
    });
    socket.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
  });
}
