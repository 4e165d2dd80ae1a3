import type { ActorRefFrom, AnyActorRef, InspectionEvent } from 'xstate';
import type { ExtensionOutput, extensionMachine } from '../../../../actors/extension.machine.ts';
import type { ConversationRecord } from '../../../conversation/record.ts';
import type { SenderStatus } from '../../../delivery/courier.ts';
import type { DeliveryCounts } from '../../../delivery/delivery-counts.ts';
import type { MetricsAddress } from '../observation/metrics-server.ts';

export interface RunOptions {
  /** `--extensions_socket` of osqueryd. */
  readonly socket: string;
  /** Milliseconds. */
  readonly timeout: number;
  readonly interval: number;
  readonly configFile: string | undefined;
  readonly stateDirectory: string | undefined;
  /** End when osqueryd stays away, since whoever started us starts us again. */
  readonly givesUp: boolean;
  readonly metrics?: MetricsAddress;
  readonly inspect?: (event: InspectionEvent) => void;
  /** Told of each step of the conversations with Zeeks. */
  readonly onConversation?: (record: ConversationRecord) => void;
  /** Given the machines right before they start. */
  readonly onSystem?: (system: RunningSystem) => void;
}

/** A running extension from inside, for whoever looks at it. */
export interface RunningSystem {
  readonly root: AnyActorRef;
  /** The state directory. */
  readonly directory: () => string;
  /** The number of the last fact in the event log; 0 until that is open. */
  readonly lastSeq: () => number;
  readonly counts: () => readonly DeliveryCounts[];
  readonly senders: () => readonly SenderStatus[];
  /** When osquery last ran each query of ours: milliseconds since the epoch, by name. */
  readonly lastRuns: () => Promise<ReadonlyMap<string, number>>;
}

/** A running extension. */
export interface RunningExtension {
  /** How it ended. */
  readonly ended: Promise<ExtensionOutput>;
  readonly signal: (name: string) => void;
  /** Reads configuration and host again. */
  readonly refresh: () => void;
}

/** What the root machine comes to; rejects where it fails. */
export function outputOf(actor: ActorRefFrom<typeof extensionMachine>): Promise<ExtensionOutput> {
  return new Promise((resolve, reject) => {
    actor.subscribe({
      error: reject,
      complete: () => resolve(actor.getSnapshot().output ?? { code: 1, reason: 'the machine stopped' }),
    });
  });
}
