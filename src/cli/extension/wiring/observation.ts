import { setTimeout as sleep } from 'node:timers/promises';
import type { AnyActorRef } from 'xstate';
import type { BroLinks } from '../../../conversation/bro-links.ts';
import type { Deliverables } from '../../../delivery/deliverables.ts';
import type { ExtensionContext } from '../extension-context.ts';
import { logBlockedRequests } from '../observation/blocked-requests.ts';
import { tableAnswers } from '../observation/bro-table-rows.ts';
import { LinkHistory } from '../observation/link-history.ts';
import type { MetricsAddress } from '../observation/metrics-server.ts';
import { serveObservers } from '../observation/observers.ts';
import { peerStatuses } from '../observation/peer-status.ts';
import type { HopReport } from '../observation/row-trace/hops.ts';
import { RowTrace } from '../observation/row-trace/row-trace.ts';
import { watchForSameZeek } from '../observation/same-zeek.ts';
import { statusOf } from '../observation/status-of.ts';
import type { StatusReport } from '../observation/status-report.ts';
import { ToldNotices } from '../observation/told-notices.ts';
import type { OsqueryLink } from '../ports/osquery-link.ts';
import type { Plugins } from '../ports/plugins.ts';
import type { KnownHost } from './known-host.ts';
import type { ScheduleReader } from './schedule-reader.ts';
import type { StateService } from './state-service.ts';

export interface ObservationParts {
  /** The root machine. */
  readonly root: () => AnyActorRef;
  readonly state: StateService;
  readonly schedule: ScheduleReader;
  readonly known: KnownHost;
  readonly plugins: () => Pick<Plugins, 'tally' | 'times'>;
  readonly metrics: MetricsAddress | undefined;
  /** When osquery last ran each of our queries, by name. */
  readonly runs: () => Promise<ReadonlyMap<string, number>>;
  /** The same as the last look at its schedule found it. */
  readonly seenRuns: () => ReadonlyMap<string, number>;
  /** Reads the configuration again. */
  readonly reload: () => void;
  readonly links: BroLinks;
  readonly deliverables: Deliverables;
  readonly osquery: () => Pick<OsqueryLink, 'client' | 'updater'>;
}

/** Milliseconds that `status` waits for osquery. */
const RUNS_PATIENCE = 1_000;

/** Tells the log, `status`, metrics and osquery's tables what the extension is doing; changes nothing. */
export class Observation {
  readonly #context: ExtensionContext;
  readonly #parts: ObservationParts;
  readonly #links: LinkHistory;
  readonly #told: ToldNotices;
  readonly #startedAt: number;
  #servers: readonly { close(): void }[] = [];

  constructor(context: ExtensionContext, parts: ObservationParts) {
    this.#context = context;
    this.#parts = parts;
    this.#links = new LinkHistory(context.bus);
    this.#told = new ToldNotices(context.bus);
    this.#startedAt = context.runtime.now();
    logBlockedRequests(context);
    watchForSameZeek(context.bus, (peer, other) =>
      context.log.warn(
        { area: 'bro', peer, other },
        'two of the configured addresses lead to the same Zeek, which may get every row twice: configure only one',
      ),
    );
  }

  /** Answers osquery's calls of our tables. */
  tables() {
    const { root, state, schedule } = this.#parts;
    const peers = () =>
      peerStatuses(
        root(),
        this.#context.settings().endpoints.map(({ peer }) => peer),
      );
    return tableAnswers({
      ...{ schedule: schedule.state, peers, counts: state.counts, directory: state.directory },
    });
  }

  async serve(): Promise<void> {
    const { state, metrics, plugins, reload, seenRuns } = this.#parts;
    const rowTrace = this.#rowTrace();
    const report = () => this.#report(seenRuns());
    const status = async () => this.#report(await this.#runs());
    const observed = {
      directory: state.directory(),
      metrics,
      report,
      status,
      times: plugins().times,
      reload,
      trace: (say: (report: HopReport) => void) => rowTrace.run(say),
    };
    this.#servers = await serveObservers(this.#context, observed);
  }

  #rowTrace(): RowTrace {
    const { links, deliverables, state, known, osquery, schedule } = this.#parts;
    const { client, updater } = osquery();
    const { vocabularies, runtime } = this.#context;
    return new RowTrace({
      ...{ links, deliverables, counts: state.counts, client, host: known.host, vocabularies },
      ...{ now: runtime.now, uuid: runtime.uuid, pause: sleep },
      schedule: (extra) => updater.applyWith(schedule.rendered(), extra),
    });
  }

  close(): void {
    for (const server of this.#servers) server.close();
  }

  #report(runs: ReadonlyMap<string, number>): StatusReport {
    const { root, state, schedule, known, plugins } = this.#parts;
    const { opened } = state;
    return statusOf(this.#context, {
      ...{ root: root(), links: this.#links, startedAt: this.#startedAt, hostId: known.host()?.id ?? '' },
      ...{ schedule: schedule.state(), opened, told: this.#told.latest(), runs },
      logger: { ...plugins().tally, recovered: opened?.missed.rows ?? 0 },
    });
  }

  /** As osquery says now; what was seen of it last where it does not answer in time. */
  async #runs(): Promise<ReadonlyMap<string, number>> {
    const { runs, seenRuns, state } = this.#parts;
    const late = sleep(RUNS_PATIENCE, undefined, { ref: false });
    const ofOsquery = (await Promise.race([runs().catch(() => undefined), late])) ?? seenRuns();
    return new Map([...ofOsquery, ...state.lastOwnRuns()]);
  }
}
