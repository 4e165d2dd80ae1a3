import type { AnyActorRef, InspectionEvent } from 'xstate';
import { standingFrames } from '../../actors/inspection.ts';
import type { Bus } from '../bus/bus.ts';
import { bareStep, type Entry, type RecordingLimits } from './entries.ts';
import { Recording } from './recording.ts';
import { messageEntry } from './routes.ts';
import { SeenSteps } from './seen-steps.ts';

/** What is kept while nobody looks: some minutes of a busy host. */
const LIMITS: RecordingLimits = { entries: 2_000, weight: 1024 * 1024 };

export interface RecentListener {
  /** @param event that the step is of; null for a message */
  readonly take: (entry: Entry, event: InspectionEvent | null) => void;
}

/**
 * Listens to the machines and the bus of a running extension from its start to `close`, and keeps the last steps and
 * messages, so that a page that is opened later has a past. Counts that come each second are not kept.
 */
export class RecentEvents {
  readonly #kept: Recording;
  readonly #listeners = new Set<RecentListener>();
  readonly #stops: readonly (() => void)[];

  constructor(root: AnyActorRef, bus: Bus, now: () => number, limits: RecordingLimits = LIMITS) {
    this.#kept = new Recording(null, limits);
    for (const frame of standingFrames(root, now())) this.#kept.add({ ...bareStep(frame), isFound: true });
    const steps = new SeenSteps(now);
    const inspection = root.system.inspect((event: InspectionEvent) => {
      const step = steps.take(event);
      if (!step) return;
      this.#kept.add(step);
      this.#tell(step, event);
    });
    const unsubscribe = bus.subscribe(['>'], (message) => {
      const isKept = !message.type.endsWith('.progress');
      if (!isKept && this.#listeners.size === 0) return;
      const entry = messageEntry(message);
      if (isKept) this.#kept.add(entry);
      this.#tell(entry, null);
    });
    this.#stops = [() => inspection.unsubscribe(), unsubscribe];
  }

  #tell(entry: Entry, event: InspectionEvent | null): void {
    for (const listener of this.#listeners) listener.take(entry, event);
  }

  /** What is kept, oldest first: of what is older, where each machine stood. */
  get entries(): readonly Entry[] {
    return this.#kept.since(this.#kept.first, { entries: LIMITS.entries, weight: Number.POSITIVE_INFINITY });
  }

  /** Whether older ones were discarded. */
  get isCut(): boolean {
    return this.#kept.earlier === 'discarded';
  }

  /** @returns how to end that */
  listen(listener: RecentListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }
}
