import { fromCallback } from 'xstate';
import type { LoggerEvent } from '../../../../actors/logger-plugin.machine.ts';
import type { Courier } from '../../../delivery/courier.ts';
import type { EntryKind } from '../../../delivery/journal-record.ts';
import { genConfigResponse, readConfigPluginCall } from '../../../osquery/config-plugin.ts';
import type { DistributedExecutions } from '../../../osquery/distributed-executions.ts';
import { distributedQueries, readDistributedCall } from '../../../osquery/distributed-plugin.ts';
import type { ExtensionHandlers, PluginResponse } from '../../../osquery/extension-connection.ts';
import {
  type CarriedRows,
  LOGGER_FEATURES,
  type LoggerCall,
  readLoggerCall,
} from '../../../osquery/logger-call.ts';
import { parseStatusLog, type StatusLine } from '../../../osquery/status-log.ts';
import { reasonOf } from '../../../text/reason.ts';
import type { ExtensionContext } from '../extension-context.ts';
import { LogCallTimes } from './log-call-times.ts';

const OK: PluginResponse = { code: 0, message: 'OK', rows: [] };

/** Milliseconds between two reports of what the logger's calls come to. */
const PROGRESS_INTERVAL = 1_000;

/** What the plugins need of the rest. */
export interface PluginParts {
  /** Resolves when the journal is open; calls that come before wait for it. */
  readonly courier: Promise<Pick<Courier, 'take'>>;
  /** Has a result, of which this is the line, taken when what came before it has been. */
  readonly inOrder: <T>(line: Uint8Array, take: () => Promise<T>) => Promise<T>;
  /** Our schedule as osquery's configuration. */
  readonly schedule: () => Promise<string>;
  readonly executions: DistributedExecutions;
  readonly onStatus: (lines: readonly StatusLine[]) => void;
  /** Whether the rows of events that osquery forwards are wanted by anybody. */
  readonly wantsEvents: () => boolean;
  readonly onShutdown: () => void;
  readonly table: (name: string, request: ReadonlyMap<string, string>) => Promise<PluginResponse>;
}

/** What the calls of the logger plugin have come to. */
interface Tally {
  calls: number;
  bytes: number;
  lost: number;
  attachedBy: string;
  refusal: string;
}

/** Answers osqueryd's calls. A result is answered OK once it is in the journal, and whatever the journal says. */
export class Plugins implements ExtensionHandlers {
  readonly #context: ExtensionContext;
  readonly #parts: PluginParts;
  /** How long calls that carried results took. */
  readonly times = new LogCallTimes();
  readonly #tally: Tally = { calls: 0, bytes: 0, lost: 0, attachedBy: '', refusal: '' };

  /** Tells the logger plugin's machine at once. */
  #onEdge: () => void = () => {};

  constructor(context: ExtensionContext, parts: PluginParts) {
    this.#context = context;
    this.#parts = parts;
  }

  /** What the calls of the logger have come to. */
  get tally() {
    const { seconds, longest } = this.times;
    return { ...this.#tally, seconds, longest };
  }

  ping() {
    return { code: 0, message: 'pong' };
  }

  shutdown(): void {
    this.#parts.onShutdown();
  }

  async call(registry: string, item: string, request: ReadonlyMap<string, string>): Promise<PluginResponse> {
    switch (registry) {
      case 'logger':
        return this.#log(readLoggerCall(request));
      case 'config':
        return this.#config(request);
      case 'distributed':
        return this.#distributed(request);
      case 'table':
        return this.#parts.table(item, request);
      default:
        return { code: 1, message: `bro-osquery has no ${registry} plugin`, rows: [] };
    }
  }

  async log(rows: CarriedRows<Uint8Array>): Promise<PluginResponse> {
    if (rows.type === 'result') return this.#journal('log', rows.payload);
    return this.#parts.wantsEvents() ? this.#journal('event', rows.payload) : OK;
  }

  async #log(call: LoggerCall): Promise<PluginResponse> {
    switch (call.type) {
      case 'result':
      case 'event':
        return this.log({ ...call, payload: Buffer.from(call.payload, 'latin1') });
      case 'init':
        this.#tally.attachedBy = call.process || 'osqueryd';
        this.#onEdge();
        return OK;
      case 'features':
        return { ...OK, code: this.#features() };
      case 'status':
        this.#parts.onStatus(parseStatusLog(call.log));
        return OK;
      case 'unknown':
        this.#context.log.warn({ area: 'logger', keys: call.keys }, 'unknown logger call from osquery');
        return OK;
      default:
        return call satisfies never;
    }
  }

  /** osqueryd asks once, at its start, when no Bro may have subscribed yet. */
  #features(): number {
    const { eventsAtOnce } = this.#context.settings();
    // What it says of queries that fail is wanted, whatever Zeeks are forwarded.
    return LOGGER_FEATURES.statusLogs | (eventsAtOnce ? LOGGER_FEATURES.events : 0);
  }

  async #journal(kind: Exclude<EntryKind, 'execution'>, payload: Uint8Array): Promise<PluginResponse> {
    const from = performance.now();
    const refusal = await this.#keep(kind, payload);
    const former = this.#tally.refusal;
    this.#tally.calls += 1;
    this.#tally.bytes += payload.length;
    this.#tally.refusal = refusal;
    if (refusal !== '') this.#tally.lost += 1;
    if (this.#tally.calls === 1 || (refusal === '') !== (former === '')) this.#onEdge();
    this.times.record((performance.now() - from) / 1_000);
    return OK;
  }

  /** Empty once it is in the journal, else why it is not. A failure told to osqueryd would end osqueryd. */
  async #keep(kind: Exclude<EntryKind, 'execution'>, payload: Uint8Array): Promise<string> {
    try {
      const courier = await this.#parts.courier;
      const take = () => courier.take({ kind, header: null, payload });
      const appended = await (kind === 'log' ? this.#parts.inOrder(payload, take) : take());
      return appended.accepted ? '' : appended.message;
    } catch (error) {
      return reasonOf(error);
    }
  }

  async #config(request: ReadonlyMap<string, string>): Promise<PluginResponse> {
    const call = readConfigPluginCall(request);
    if (call.action === 'genConfig') return { ...OK, rows: genConfigResponse(await this.#parts.schedule()) };
    return { code: 1, message: `bro-osquery has no pack ${call.name}`, rows: [] };
  }

  async #distributed(request: ReadonlyMap<string, string>): Promise<PluginResponse> {
    const call = readDistributedCall(request);
    if (call.action === 'writeResults') {
      this.#parts.executions.take(call.results);
      return OK;
    }
    return { ...OK, rows: distributedQueries(this.#parts.executions.waiting(), { accelerate: 60 }) };
  }

  /** The port of the logger plugin's machine: the tally once a second, and at once where the journal refuses or takes again. */
  port() {
    return fromCallback<{ type: 'none' }, undefined, LoggerEvent>(({ sendBack }) => {
      let told: Tally = { calls: 0, bytes: 0, lost: 0, attachedBy: '', refusal: '' };
      const report = () => {
        const { calls, bytes, lost, attachedBy, refusal } = this.#tally;
        if (attachedBy !== told.attachedBy) sendBack({ type: 'calls.attached', by: attachedBy });
        if (calls !== told.calls) {
          const milliseconds = inMilliseconds(this.times.seconds);
          const longest = inMilliseconds(this.times.takeLongest());
          sendBack({ type: 'calls.progress', calls, bytes, milliseconds, longest });
        }
        if (refusal !== '' && lost !== told.lost) {
          sendBack({ type: 'journal.refused', reason: refusal, lost });
        }
        if (refusal === '' && told.refusal !== '') sendBack({ type: 'journal.recovered', lost });
        told = { ...this.#tally };
      };
      report();
      this.#onEdge = report;
      const timer = setInterval(report, PROGRESS_INTERVAL);
      return () => {
        this.#onEdge = () => {};
        clearInterval(timer);
      };
    });
  }
}

/** To three decimals: a call takes some tenths of one. */
function inMilliseconds(seconds: number): number {
  return Math.round(seconds * 1_000_000) / 1_000;
}
