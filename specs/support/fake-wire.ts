import { ConnectedPeers } from '../../src/broker/connected-peers.ts';
import { DEFAULT_TIMINGS } from '../../src/broker/connection.ts';
import { ConnectionLifecycle } from '../../src/broker/connection-lifecycle.ts';
import { NativeSession, type SessionOptions } from '../../src/broker/native-session.ts';
import type { Wire } from '../../src/broker/wire.ts';
import { type ManualClock, manualClock } from './manual-clock.ts';
import { type Recorded, recordHandlers } from './recorded-connection.ts';

export interface FakeWire extends Wire {
  /** All that was written, as one. */
  readonly written: Buffer;
  readonly ended: 'no' | 'flushed' | 'destroyed';
  readonly paused: boolean;
  /** Whether writes are taken. */
  taking: boolean;
  /** Forgets what was written. */
  clear(): void;
}

export function fakeWire(): FakeWire {
  let written: Uint8Array[] = [];
  let ended: FakeWire['ended'] = 'no';
  let paused = false;
  const wire: FakeWire = {
    taking: true,
    get written() {
      return Buffer.concat(written);
    },
    get ended() {
      return ended;
    },
    get paused() {
      return paused;
    },
    clear() {
      written = [];
    },
    write(bytes) {
      if (ended !== 'no') throw new Error('written after the end');
      written.push(bytes);
      return wire.taking;
    },
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
    },
    end() {
      ended = 'flushed';
    },
    destroy() {
      ended = 'destroyed';
    },
  };
  return wire;
}

export interface SessionUnderTest {
  readonly session: NativeSession;
  readonly wire: FakeWire;
  readonly told: Recorded;
  readonly clock: ManualClock;
}

/** A session on a fake wire and a manual clock, started. */
export function startSession({
  filter = [],
  ...options
}: Pick<SessionOptions, 'side' | 'endpointId'> &
  Partial<SessionOptions> & { readonly filter?: readonly string[] }): SessionUnderTest {
  const wire = fakeWire();
  const clock = manualClock();
  const told = recordHandlers();
  const session = new NativeSession(
    wire,
    {
      peers: new ConnectedPeers(),
      transport: 'tcp',
      authenticated: false,
      maxFrame: 1024 * 1024,
      ...options,
    },
    new ConnectionLifecycle({ peerName: 'peer:1', filter, clock }, told.handlers),
  );
  told.take(session.lifecycle);
  session.start(DEFAULT_TIMINGS.handshake);
  return { session, wire, told, clock };
}
