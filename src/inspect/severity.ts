import type { EventType } from '../schedule/events.ts';
import type { Entry } from './entries.ts';

/** How an event is to be taken. What is only as it should be has none. */
export type Severity = 'error' | 'warning';

/** Why an event stands out: its word, the sign that says so without colour, and how serious it is. */
export interface Mark {
  readonly word: string;
  readonly sign: string;
  readonly severity: Severity;
}

const REFUSED: Mark = { word: 'refused', sign: '⊘', severity: 'error' };
const FAILED: Mark = { word: 'failed', sign: '✖', severity: 'error' };
const DROPPED: Mark = { word: 'dropped', sign: '▼', severity: 'error' };
const STOPPED: Mark = { word: 'stopped', sign: '■', severity: 'warning' };
const GONE: Mark = { word: 'gone', sign: '○', severity: 'warning' };
const DOUBTFUL: Mark = { word: 'in doubt', sign: '?', severity: 'warning' };

const FACTS: Readonly<Partial<Record<EventType, Mark>>> = {
  QueryRefused: REFUSED,
  ScheduleRefused: REFUSED,
  RowsDropped: DROPPED,
  OsquerydDied: FAILED,
  QueryFailing: FAILED,
  QueryDenylisted: STOPPED,
  QuerySuspended: STOPPED,
  SuspectsHalved: STOPPED,
  ExecutionCancelled: STOPPED,
  ExtensionStopped: GONE,
  OsquerydStopping: GONE,
  BroLost: GONE,
  BroExpired: GONE,
  BroRemoved: GONE,
  ZeekDeparted: GONE,
};

const MESSAGES: Readonly<Record<string, Mark>> = {
  'osquery.config-refused': REFUSED,
  'osquery.schedule-refused': REFUSED,
  'osquery.query-failed': FAILED,
  'osquery.denylisted': STOPPED,
  'osquery.columns-doubted': DOUBTFUL,
  'osquery.lost': GONE,
  'osquery.shutdown': GONE,
  'schedule.blocked': FAILED,
  'logger.degraded': FAILED,
  'courier.dropped': DROPPED,
  'peer.down': GONE,
  'peer.expired': GONE,
  'peer.problem': FAILED,
  'peer.suspect': DOUBTFUL,
  'extension.draining': GONE,
};

/** Why the entry stands out; null if it does not. */
export function markOf(entry: Entry): Mark | null {
  switch (entry.kind) {
    case 'fact':
      if (entry.type === 'ExecutionCompleted') return entry.detail.includes('"error":""') ? null : FAILED;
      return FACTS[entry.type as EventType] ?? null;
    case 'message':
      // Both say with a flag that it is over, too.
      if (/"(denylisted|suspect)":false/.test(entry.detail)) return null;
      return MESSAGES[entry.type] ?? null;
    case 'step':
      return entry.status === 'error' || entry.event.startsWith('xstate.error.') ? FAILED : null;
    default:
      return null;
  }
}
