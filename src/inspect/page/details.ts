import { transitionsTaken } from '../chart-transitions.ts';
import type { ContextChange } from '../context-changes.ts';
import type { Entry, StepEntry } from '../entries.ts';
import { formatState } from '../highlights.ts';
import { shortName } from './dom.ts';
import type { View } from './view.ts';

/** What is said of an entry: the sentence, named members with their lines, and JSON to copy. */
export interface Detail {
  readonly words: string;
  readonly members: readonly (readonly [name: string, lines: readonly string[]])[];
  readonly json: string;
  readonly note: string;
}

export const NOTHING: Detail = {
  words: 'Nothing is selected: nothing has happened yet.',
  members: [],
  json: '',
  note: '',
};

export function detailOf(entry: Entry, view: View): Detail {
  switch (entry.kind) {
    case 'fact':
      return {
        words: entry.words,
        members: [
          ['Type', [entry.type]],
          ...(view.source?.kind === 'trace' ? [] : [['Number', [`${entry.seq}`]] as const]),
          ['Cause', [entry.cause || 'no request of a Zeek']],
        ],
        json: pretty(entry.detail),
        note: cutNote(entry.detail),
      };
    case 'message':
      return {
        words: `${shortName(entry.from)} says ${entry.type}${entry.to.length === 0 ? '' : ` to ${entry.to.map(shortName).join(', ')}`}`,
        members: [
          ['Type', [entry.type]],
          ['Subject', [entry.subject]],
        ],
        json: pretty(entry.detail),
        note: cutNote(entry.detail),
      };
    case 'rows':
      return {
        words: 'Rows were counted: for each Zeek and query, since the start of the process.',
        members: [],
        json: JSON.stringify({ counts: entry.counts, oldest: entry.oldest }, null, 2),
        note: '',
      };
    default:
      return stepDetail(entry, view);
  }
}

function stepDetail(entry: StepEntry, { history, moment, charts }: View): Detail {
  const { actor, machine, event, payload, state, status, changed, effects } = entry;
  const before = history.stepAt(actor, moment)?.before ?? null;
  const chart = charts.get(machine);
  const taken = chart ? transitionsTaken(chart, entry, before?.state ?? null) : [];
  const none = effects ? 'none' : 'none: handled within the state, or not seen';
  const parts = {
    ...{ actor, machine, event, payload: parsed(payload) },
    ...{ before: before?.state ?? null, state, status, changed: changed?.map(plainChange) ?? null },
    ...{ taken: effects?.taken ?? null, actions: effects?.actions ?? null },
  };
  return {
    words: entry.isFound
      ? `${shortName(actor)} was found in this state when the recording began`
      : `${shortName(actor)} takes ${event}`,
    members: [
      ['Machine', [machine]],
      ['Event', [entry.isFound ? 'not seen' : event]],
      ...(payload === '' ? [] : [['Payload', [payload]] as const]),
      ['State before', [before ? formatState(before.state) || before.status : 'not seen']],
      ['State after', [formatState(state) || status]],
      ['Transition', taken.length === 0 ? [none] : taken],
      ['Actions', effects ? orNothing(effects.actions) : ['not seen']],
      ['Context changed', changed ? orNothing(changed.map(formatChange)) : ['not seen']],
    ],
    json: JSON.stringify(parts, null, 2),
    note: entry.isFound ? '' : cutNote(payload),
  };
}

function orNothing(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? ['nothing'] : lines;
}

function formatChange({ path, before, after }: ContextChange): string {
  if (before === '') return `${path}: ${after}`;
  return after === '' ? `${path}: ${before} → (gone)` : `${path}: ${before} → ${after}`;
}

function plainChange({ path, before, after }: ContextChange) {
  return { path, before: parsed(before), after: parsed(after) };
}

/** As the value that it is the JSON of; where it was cut, as it is. */
function parsed(json: string): unknown {
  if (json === '') return null;
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}

function pretty(detail: string): string {
  const value = parsed(detail);
  return typeof value === 'string' ? detail : JSON.stringify(value, null, 2);
}

function cutNote(detail: string): string {
  return detail.endsWith('…') ? 'The JSON is cut where it is long; the log or the trace has all of it.' : '';
}
