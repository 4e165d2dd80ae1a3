import { fromCallback } from 'xstate';
import type { DeliveryEvent } from '../../../../actors/courier.machine.ts';
import type { BroLinks } from '../../../conversation/bro-links.ts';
import { Courier } from '../../../delivery/courier.ts';
import { CutResults } from '../../../delivery/cut-results.ts';
import type { Deliverables } from '../../../delivery/deliverables.ts';
import type { ImmediateEvents } from '../../../delivery/immediate-events.ts';
import type { DeliveryReport } from '../../../delivery/ports.ts';
import { RowEncoders } from '../../../delivery/row-encoders.ts';
import { gapReason } from '../../../vocabulary/gap-text.ts';
import type { Host } from '../../../vocabulary/model.ts';
import type { ExtensionContext } from '../extension-context.ts';
import type { CooperativeScheduler } from './cooperative-scheduler.ts';
import type { State } from './state.ts';

/** Milliseconds between two reports of how far the Bros are. */
const PROGRESS_INTERVAL = 1_000;
/** How long rows that are under way at our end may take to be confirmed. */
const DRAIN_PATIENCE = 2_500;

/** Tells the courier's machine about losses; set while it listens. */
export type LossListener = (peer: string, rows: number, reason: string) => void;

export interface Delivery {
  readonly courier: Courier;
  readonly onLoss: (listener: LossListener) => () => void;
}

export interface DeliveryParts {
  readonly state: State;
  readonly deliverables: Deliverables;
  readonly links: BroLinks;
  readonly immediate: ImmediateEvents;
  readonly scheduler: CooperativeScheduler;
  /** Undefined until osquery has described it. */
  readonly host: () => Host | undefined;
}

/** The courier over this state directory, with everything that it needs of the rest of the extension. */
export function createDelivery(context: ExtensionContext, parts: DeliveryParts): Delivery {
  const { state, deliverables, links, immediate, scheduler, host } = parts;
  const { runtime } = context;
  const listeners = new Set<LossListener>();
  /** Losses that nobody has listened to yet. */
  const unheard: Parameters<LossListener>[] = [];
  const encoders = new RowEncoders({ settings: context.settings, vocabularies: context.vocabularies, host });
  const cut = new CutResults(deliverables.all.bind(deliverables), runtime.now);
  const courier: Courier = new Courier({
    journal: state.journal,
    cursors: state.cursors,
    marks: state.marks,
    ports: {
      lookup: (name) => deliverables.find(name),
      encoderOf: (deliverable) => deliverables.lentEncoder(deliverable.name) ?? encoders.of(deliverable),
      matchEvent: (columns) => immediate.match(columns),
      wasSentAsEvent: (name, columns) => immediate.wasSent(name, columns),
      rowsPerResult: () => context.settings().rowsPerResult,
      marker: (peer, sent) => links.find(peer)?.marker(sent),
      beginning: (peer, run) => links.find(peer)?.beginning(run),
      columnNames: ({ name, peer, query, columns }) =>
        deliverables.lentEncoder(name) ? undefined : links.find(peer)?.columnNames(query, columns),
      async notifyGap(peer, gap) {
        return (await links.find(peer)?.tellGap(gap)) ?? false;
      },
      report(report) {
        logReport(context, report);
        tellOfProblem(links, deliverables, report);
        if (report.type === 'malformed-line' && report.columns) {
          for (const { peer, notice } of cut.notices(report.columns)) {
            links
              .find(peer)
              ?.tell(notice)
              .catch(() => {});
          }
        }
        if (report.type === 'columns-changed') {
          context.bus.publish({ type: 'osquery.columns-doubted', name: report.name });
        }
        // The courier has let go of that connection; the Bro's machine is to make another.
        if (report.type === 'link-failed') links.find(report.peer)?.connection.destroy();
        if (report.type !== 'gap') return;
        const loss = [report.peer, report.gap.rows, gapReason(report.gap)] as const;
        if (listeners.size === 0) unheard.push([...loss]);
        for (const listener of listeners) listener(...loss);
      },
      now: runtime.now,
      after(milliseconds, callback) {
        const timer = setTimeout(callback, milliseconds);
        return () => clearTimeout(timer);
      },
      yieldControl: scheduler.nextSlot,
    },
  });
  return {
    courier,
    onLoss(listener) {
      listeners.add(listener);
      for (const loss of unheard.splice(0)) listener(...loss);
      return () => listeners.delete(listener);
    },
  };
}

function logReport({ log }: ExtensionContext, report: DeliveryReport): void {
  const { type, ...details } = report;
  const isMaybe = report.type === 'gap' && report.gap.rows === 0;
  log.warn({ area: 'delivery', ...details }, isMaybe ? MAYBE : REPORTS[type]);
}

/** The Zeek that misses rows is told of which query. */
function tellOfProblem(links: BroLinks, deliverables: Deliverables, report: DeliveryReport): void {
  if (report.type !== 'row-problem') return;
  const query = deliverables.find(report.name)?.query;
  const rows = report.rows === 1 ? 'a row' : `${report.rows} rows`;
  // With a query, every vocabulary names it.
  const text = `${rows}${query ? '' : ` of ${report.name}`} could not be sent: ${report.problem}`;
  links
    .find(report.peer)
    ?.tell({ level: 'warning', text, ...(query && { query }) })
    .catch(() => {});
}

const MAYBE = 'rows for a Zeek may be lost; it will be notified';

const REPORTS: Readonly<Record<DeliveryReport['type'], string>> = {
  'row-problem': 'rows could not be sent',
  'columns-changed': 'rows have other columns than their query; asking osquery for its columns again',
  'result-cut': 'a result exceeded the limit of rows and was truncated',
  'malformed-line': 'malformed result line from osquery',
  refused: 'could not write rows to the journal',
  gap: 'rows for a Zeek are lost; it will be notified',
  'journal-trouble': 'error of the journal; retrying',
  damaged: 'part of the journal could not be read',
  'link-failed': 'a connection failed while sending rows; they will be sent again',
  'rows-missing':
    "a Zeek's scripts have not handled all rows that were sent; sending them again, more slowly",
  'acknowledgements-missing':
    "a Zeek's scripts stopped acknowledging rows; using the transport's acknowledgements",
};

/** The port of the courier's machine: how far each Bro is, once a second and where it has changed. */
export function deliveryPort(delivery: () => Delivery) {
  return fromCallback<{ type: 'drain' }, undefined, DeliveryEvent>(({ sendBack, receive }) => {
    const { courier, onLoss } = delivery();
    const told = new Map<string, string>();
    const report = () => {
      for (const progress of progressOf(courier)) {
        const text = JSON.stringify(progress);
        if (told.get(progress.peer) === text) continue;
        told.set(progress.peer, text);
        sendBack({ type: 'delivery.progress', ...progress });
      }
    };
    const timer = setInterval(report, PROGRESS_INTERVAL);
    const unlisten = onLoss((peer, rows, reason) =>
      sendBack({ type: 'delivery.dropped', peer, rows, reason }),
    );
    receive(() => {
      const patience = new Promise((resolve) => setTimeout(resolve, DRAIN_PATIENCE).unref());
      void Promise.race([courier.settled(), patience]).then(() => {
        report();
        sendBack({ type: 'delivery.drained' });
      });
    });
    return () => {
      clearInterval(timer);
      unlisten();
    };
  });
}

function progressOf(courier: Courier) {
  const counts = courier.counts();
  return courier.senders().map(({ peer, oldestAt }) => {
    const progress = { peer, taken: 0, pending: 0, sent: 0, confirmed: 0, dropped: 0, oldestAt };
    for (const one of counts) {
      if (one.peer !== peer) continue;
      progress.taken += one.taken;
      progress.pending += one.pending;
      progress.sent += one.sent;
      progress.confirmed += one.confirmed;
      progress.dropped += one.dropped;
    }
    return progress;
  });
}
