import { reasonOf } from '../../text/reason.ts';
import type { Child } from './child.ts';
import type { Stage } from './stage.ts';
import { Troupe } from './troupe.ts';

/** What a demo plays with. */
export interface Show {
  readonly stage: Stage;
  readonly troupe: Troupe;
  /** Aborts with the reason why it can't go on. */
  readonly signal: AbortSignal;
  /** The process is about to end, as it should. */
  readonly mayEnd: (child: Child) => void;
}

export interface PerformanceOptions {
  /** Seconds that the whole demo may take. */
  readonly patience: number;
  /** Aborts when the user has had enough. */
  readonly interrupted: AbortSignal;
}

/**
 * Plays a demo, and ends its processes whatever happens. Where it fails the stage shows why, and the last words of all.
 * @returns why it failed
 */
export async function perform(
  stage: Stage,
  play: (show: Show) => Promise<void>,
  { patience, interrupted }: PerformanceOptions,
): Promise<string | undefined> {
  const stop = new AbortController();
  const leaving = new Set<Child>();
  const troupe = new Troupe((child) => {
    // Until they are asked to, only a process that is to be seen going may end.
    if (!leaving.has(child)) stop.abort(new Error(`${child.name} ended on its own with ${child.ending()}`));
  });
  const late = new Error(`not all of it happened within ${patience} s`);
  const timer = setTimeout(() => stop.abort(late), patience * 1_000);
  const onInterrupt = () => stop.abort(new Error('it was interrupted'));
  interrupted.addEventListener('abort', onInterrupt);
  try {
    await play({ stage, troupe, signal: stop.signal, mayEnd: (child) => leaving.add(child) });
    return undefined;
  } catch (error) {
    const reason = reasonOf(error);
    stage.failure(`This did not work: ${reason}`);
    for (const child of troupe.children) {
      stage.tell(`The last words of ${child.name} (${child.ending() ?? 'running'}):`);
      for (const line of child.lastWords()) stage.aside(line);
    }
    return reason;
  } finally {
    clearTimeout(timer);
    interrupted.removeEventListener('abort', onInterrupt);
    for (const child of troupe.children) leaving.add(child);
    await troupe.dismiss();
  }
}
