import { fromCallback, fromPromise } from 'xstate';
import type { AttendanceEvent, CallCommand, Loss, Reading } from '../../../../actors/backfill.machine.ts';
import { CallGate } from '../../../delivery/call-gate.ts';
import type { Courier } from '../../../delivery/courier.ts';
import type { Deliverables } from '../../../delivery/deliverables.ts';
import { removeHeartbeat, writeHeartbeat } from '../../../delivery/heartbeat-store.ts';
import type { MissedResults } from '../../../delivery/missed-results.ts';
import { StallWatch, type SteadyClock } from '../../../osquery/stall-watch.ts';
import { reasonOf } from '../../../text/reason.ts';
import type { ExtensionContext } from '../extension-context.ts';

/** What there is once the state directory is open. */
export interface BackfillStores {
  readonly directory: string;
  readonly missed: Pick<MissedResults, 'take'>;
  readonly courier: Pick<Courier, 'declareUnseen'>;
}

export interface BackfillParts {
  readonly clock: SteadyClock;
  readonly stores: Promise<BackfillStores>;
  readonly deliverables: Pick<Deliverables, 'peers'>;
  /** Others are forgotten, and told nothing. */
  readonly isConfigured: (peer: string) => boolean;
}

/** The ports of the machine `backfill`, and what it hears of: osqueryd's looks, its log calls, and the clock. */
export class BackfillPorts {
  readonly #context: Pick<ExtensionContext, 'runtime' | 'log'>;
  readonly #parts: BackfillParts;
  readonly #gate = new CallGate((event) => this.#tell(event));
  readonly #stalls: StallWatch;
  #tell: (event: AttendanceEvent) => void = () => {};
  #reading: Promise<unknown> = Promise.resolve();
  #heartbeat: Promise<void> = Promise.resolve();
  #directory: string | undefined;
  #trouble = '';

  constructor(context: Pick<ExtensionContext, 'runtime' | 'log'>, parts: BackfillParts) {
    this.#context = context;
    this.#parts = parts;
    this.#stalls = new StallWatch(parts.clock, (milliseconds) => this.#stalled(milliseconds));
    parts.stores.then(
      ({ directory }) => {
        this.#directory = directory;
      },
      // Where the state directory can't be opened, the root machine says so.
      () => {},
    );
  }

  /** Has a log call, of which this is the line, taken when what came before it has been. */
  inOrder<T>(line: Uint8Array, take: () => Promise<T>): Promise<T> {
    this.#stalls.look();
    return this.#gate.pass(line, take);
  }

  /** osqueryd has come to know us, and is about to call. */
  registering(): void {
    this.#gate.close();
    this.#tell({ type: 'osquery.registering' });
  }

  /** It knows us: called at a registration, and at each look. */
  seen(): void {
    this.#tell({ type: 'osquery.seen', at: this.#context.runtime.now() });
  }

  /** It does no more, and lives. */
  forgotten(): void {
    this.#tell({ type: 'osquery.forgotten' });
  }

  /** osqueryd is no more. */
  gone(): void {
    this.#tell({ type: 'osquery.gone' });
  }

  calls = fromCallback<CallCommand, undefined, AttendanceEvent>(({ sendBack, receive }) => {
    this.#tell = sendBack;
    receive(({ type }) => this.#gate[type]());
    return () => this.#stalls.stop();
  });

  readLogs = fromPromise<Reading, { readonly until: 'end' | 'waiting call' }>(({ input, signal }) => {
    const reading = this.#parts.stores.then(({ missed }) =>
      missed.take(input.until === 'waiting call' ? this.#gate.line : undefined, signal),
    );
    this.#reading = reading;
    return reading;
  });

  declare = fromPromise<void, Loss>(async ({ input: { from, to, reason } }) => {
    const { courier } = await this.#parts.stores;
    for (const peer of this.#parts.deliverables.peers()) {
      if (this.#parts.isConfigured(peer)) await courier.declareUnseen(peer, { from, to }, reason);
    }
  });

  writeHeartbeat = (_: unknown, { at }: { readonly at: number | null }): void => {
    const directory = this.#directory;
    if (at !== null && directory !== undefined) this.#work(() => writeHeartbeat(directory, at));
  };

  finish = fromPromise<void, { readonly removeHeartbeat: boolean }>(async ({ input }) => {
    this.#stalls.stop();
    await this.#reading.catch(() => {});
    const directory = this.#directory;
    if (input.removeHeartbeat && directory !== undefined) this.#work(() => removeHeartbeat(directory));
    await this.written();
  });

  /** Resolves once the heartbeat is written, as far as it can be. */
  written(): Promise<void> {
    return this.#heartbeat;
  }

  get ports() {
    const { calls, readLogs, declare, writeHeartbeat, finish } = this;
    return { calls, readLogs, declare, writeHeartbeat, finish };
  }

  #stalled(milliseconds: number): void {
    this.#context.log.warn(
      { area: 'osquery', seconds: Math.round(milliseconds / 1_000) },
      'this process was suspended; recovering missed results from the log of osqueryd',
    );
    this.#gate.close();
    this.#tell({ type: 'process.stalled', at: this.#context.runtime.now() });
  }

  /** One thing after the other. */
  #work(work: () => Promise<void>): void {
    this.#heartbeat = this.#heartbeat.then(async () => {
      try {
        await work();
        this.#trouble = '';
      } catch (error) {
        const reason = reasonOf(error);
        if (reason !== this.#trouble) {
          this.#context.log.warn({ area: 'delivery' }, `can't write the heartbeat: ${reason}`);
        }
        this.#trouble = reason;
      }
    });
  }
}
