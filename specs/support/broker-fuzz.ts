import assert from 'node:assert/strict';
import { decodeData } from '../../src/broker/binary.ts';
import { CodecError } from '../../src/broker/codec-error.ts';
import { DEFAULT_TIMINGS } from '../../src/broker/connection.ts';
import { ConnectionLifecycle } from '../../src/broker/connection-lifecycle.ts';
import { WebSocketSession } from '../../src/broker/websocket-session.ts';
import { decodeText } from '../../src/text/byte-text.ts';
import { dataFromJson, dataToJson, encodeData } from './broker-values.ts';
import { startSession } from './fake-wire.ts';
import { manualClock } from './manual-clock.ts';
import { recordHandlers } from './recorded-connection.ts';

/** What hostile bytes are fed to. */
export const FUZZ_TARGETS = [
  'connecting',
  'accepting',
  'websocket-client',
  'websocket-server',
  'binary',
  'json',
] as const;
export type FuzzTarget = (typeof FUZZ_TARGETS)[number];

/** An input, and what came of it. */
export interface FuzzInput {
  readonly target: FuzzTarget;
  /** The bytes; for the WebSocket sides frames between line feeds. */
  readonly hex: string;
}

/**
 * Feeds the bytes to the target, in chunks of `chunk` bytes, and lets a minute pass. Throws if the target lets
 * anything out but its own errors, or hangs between the states.
 * @returns what happened in short, the same for the same input: inputs with a new outcome are worth keeping
 */
export function runFuzzInput(target: FuzzTarget, bytes: Uint8Array, chunk: number): string {
  switch (target) {
    case 'binary':
      return outcomeOf(() => {
        const data = decodeData(bytes);
        assert.deepEqual(decodeData(encodeData(data)), data);
        return data.type;
      });
    case 'json':
      return outcomeOf(() => {
        const data = dataFromJson(decodeText(bytes));
        dataToJson(data);
        return data.type;
      });
    case 'connecting':
    case 'accepting':
      return runNative(target, bytes, chunk);
    default:
      return runWebSocket(target === 'websocket-client' ? 'client' : 'server', bytes);
  }
}

function outcomeOf(run: () => string): string {
  try {
    return run();
  } catch (error) {
    if (error instanceof CodecError) return error.code;
    throw error;
  }
}

/** Our id in the recordings, so that their other side's bytes fit. */
const IDS = {
  connecting: 'ffffffff-ffff-4fff-bfff-ffffffffffbb',
  accepting: 'ffffffff-ffff-4fff-bfff-ffffffffffbb',
};

function runNative(side: 'connecting' | 'accepting', bytes: Uint8Array, chunk: number): string {
  const filter = ['/test', '/late'];
  const { session, told, clock, wire } = startSession({ side, endpointId: IDS[side], filter });
  for (let at = 0; at < bytes.length; at += chunk) session.receive(bytes.subarray(at, at + chunk));
  const before = told.closed;
  clock.advance(60_000);
  assert.ok(told.closed, 'neither peered and lost, nor closed');
  assert.ok(wire.ended !== 'no' && clock.pending === 0);
  return summary(told, before?.message);
}

function runWebSocket(side: 'client' | 'server', bytes: Uint8Array): string {
  const clock = manualClock();
  const told = recordHandlers();
  const session = new WebSocketSession(
    { send: () => true, ping: () => true, close: () => undefined, destroy: () => undefined },
    {
      role: side === 'client' ? { side } : { side, clientId: 'c', version: '1', declares: () => true },
      transport: 'ws',
      authenticated: false,
    },
    new ConnectionLifecycle({ peerName: 'peer:1', filter: ['/test'], clock }, told.handlers),
  );
  told.take(session.lifecycle);
  session.start(DEFAULT_TIMINGS.handshake);
  let start = 0;
  while (start <= bytes.length) {
    const end = bytes.indexOf(10, start);
    session.receive(bytes.subarray(start, end < 0 ? bytes.length : end));
    start = end < 0 ? bytes.length + 1 : end + 1;
  }
  const before = told.closed;
  clock.advance(60_000);
  assert.ok(told.closed && clock.pending === 0);
  return summary(told, before?.message);
}

/** Without numbers, quoted parts and details, which differ without a difference. */
function summary(told: ReturnType<typeof recordHandlers>, closedBy: string | undefined): string {
  // Our own code where there is one, else the first words: those that follow may be the peer's.
  const plain = (text: string) =>
    /\((trailing|truncated|bad-[a-z]+|unknown-tag|too-[a-z]+|frame-[a-z-]+)\)$/.exec(text)?.[1] ??
    text
      .replace(/^peer:1:? /, '')
      .split(/[ :]+/, 2)
      .join(' ');
  return [
    told.remote ? 'up' : 'down',
    `events ${Math.min(told.events.length, 1)}`,
    `filters ${Math.min(told.filters.length, 1)}`,
    ...told.problems.slice(0, 1).map(plain),
    plain(closedBy ?? told.closed?.code ?? ''),
  ].join(' | ');
}
