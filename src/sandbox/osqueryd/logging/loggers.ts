import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { encodeText } from '../../../text/byte-text.ts';
import { reasonOf } from '../../../text/reason.ts';
import type { Flags } from '../flags.ts';
import type { Registry } from '../registry.ts';
import {
  type ExtensionResponse,
  type ExtensionStatus,
  failure,
  type StringMap,
  success,
} from '../thrift/messages.ts';
import { type StatusLog, statusPayload } from './status-log.ts';

/** Bits of the answer to `features`. */
const FEATURE = { status: 1, event: 2 } as const;

export interface LoggersOptions {
  readonly flags: Flags;
  readonly log: StatusLog;
  readonly registry: Registry;
  readonly hostIdentifier: () => string;
  readonly call: (registry: string, item: string, request: StringMap) => Promise<ExtensionResponse>;
  readonly write: (text: string) => void;
}

/**
 * The active logger plugins of `--logger_plugin`, in its order. A line goes to each; only the last one's
 * status counts (osquery.md 7).
 */
export class Loggers {
  readonly #options: LoggersOptions;
  readonly #features = new Map<string, number>();
  #relaying: Promise<void> | undefined;

  constructor(options: LoggersOptions) {
    this.#options = options;
  }

  /** init and features of each plugin, then the lines buffered since the start. What they answer may fail. */
  async start(): Promise<void> {
    for (const name of this.#names()) {
      await this.#send(name, { init: 'osqueryd' });
      const { status } = await this.#send(name, { action: 'features' });
      this.#features.set(name, Math.max(0, status.code));
    }
    await this.relayStatus();
  }

  /** A result line. */
  string(line: string): Promise<ExtensionStatus> {
    return this.#sendAll({ category: 'event', string: line });
  }

  snapshot(line: string): Promise<ExtensionStatus> {
    return this.#sendAll({ snapshot: line });
  }

  /** An event as it happens, for plugins that want events; nobody waits for what they answer. */
  async event(json: string): Promise<void> {
    for (const name of this.#names()) {
      if (((this.#features.get(name) ?? 0) & FEATURE.event) !== 0) await this.#send(name, { event: json });
    }
  }

  /** Hands the buffered status lines on; one relay at a time, failures lose the lines. */
  relayStatus(): Promise<void> {
    this.#relaying ??= this.#relay().finally(() => {
      this.#relaying = undefined;
    });
    return this.#relaying;
  }

  async #relay(): Promise<void> {
    const lines = this.#options.log.drain();
    if (lines.length === 0) return;
    const payload = statusPayload(lines, this.#options.hostIdentifier());
    for (const name of this.#names()) {
      const wants = ((this.#features.get(name) ?? 0) & FEATURE.status) !== 0;
      if (wants) await this.#send(name, { status: 'true', log: payload });
    }
  }

  async #sendAll(request: StringMap): Promise<ExtensionStatus> {
    let last = success();
    for (const name of this.#names()) last = (await this.#send(name, request)).status;
    return last;
  }

  async #send(name: string, request: StringMap): Promise<ExtensionResponse> {
    const route = this.#options.registry.route('logger', name);
    if (!route) return { status: failure(`Cannot call registry item: ${name}`), response: [] };
    if (route.kind === 'extension') return await this.#options.call('logger', name, request);
    return { status: this.core(name, request), response: [] };
  }

  /** A logger of osqueryd itself: filesystem and stdout write, the others have nobody to write to. */
  core(name: string, request: StringMap): ExtensionStatus {
    if (request['init'] !== undefined && name === 'filesystem') {
      this.#options.log.writeTo(this.#options.flags.text('logger_path'));
    }
    if (request['init'] !== undefined || request['action'] !== undefined) return success();
    const line = request['string'] ?? request['snapshot'];
    if (line === undefined) return success();
    if (name === 'stdout') this.#options.write(`${line}\n`);
    if (name !== 'filesystem') return success();
    const file = request['snapshot'] === undefined ? 'osqueryd.results.log' : 'osqueryd.snapshots.log';
    const directory = this.#options.flags.text('logger_path');
    try {
      mkdirSync(directory, { recursive: true });
      appendFileSync(join(directory, file), encodeText(`${line}\n`), { mode: 0o640 });
      return success();
    } catch (error) {
      return failure(reasonOf(error));
    }
  }

  #names(): readonly string[] {
    return this.#options.flags.list('logger_plugin');
  }
}
