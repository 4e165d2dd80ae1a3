import { transitionsTaken } from '../chart-transitions.ts';
import type { Entry, StepEntry } from '../entries.ts';
import { formatState } from '../highlights.ts';
import { button, dateTimeOf, el, shortName, timeOf } from './dom.ts';
import type { Panel, View } from './view.ts';

/** What is said of an entry: the sentence, named members, and JSON to copy. */
interface Detail {
  readonly words: string;
  readonly members: readonly (readonly [name: string, text: string])[];
  readonly json: string;
  readonly note: string;
}

/** All that is known of what is selected: the fact, the message or the step at the moment. */
export class DetailPanel implements Panel {
  readonly element: HTMLElement;
  readonly #kind = el('span', { class: 'dim count' });
  readonly #body = el('div', { class: 'scroll detail-body', tabindex: '0', 'aria-label': 'Selected event' });
  readonly #copy: HTMLButtonElement;
  #shown = '';
  #json = '';

  /** @param copy puts a text where others can paste it */
  constructor(copy: (text: string) => void) {
    this.#copy = button('Copy JSON', 'Copy the JSON of the selected event', () => copy(this.#json));
    this.element = el(
      'section',
      { class: 'panel details', id: 'details', 'aria-label': 'Details' },
      el('header', {}, el('h2', {}, 'Details'), this.#kind, el('span', { class: 'tools' }, this.#copy)),
      this.#body,
    );
  }

  render(view: View): void {
    const entry = view.history.at(view.moment);
    const detail = entry ? detailOf(entry, view) : NOTHING;
    const key = JSON.stringify([entry?.kind, entry?.at, detail]);
    if (key === this.#shown) return;
    this.#shown = key;
    this.#json = detail.json;
    this.#copy.disabled = detail.json === '';
    this.#kind.textContent = entry
      ? `${entry.kind} · ${dateTimeOf(entry.at).slice(0, 10)} ${timeOf(entry.at)}`
      : '';
    const { words, members, json, note } = detail;
    this.#body.replaceChildren(
      el('p', { class: 'whole-words' }, words),
      el('dl', {}, ...members.flatMap(([name, text]) => [el('dt', {}, name), el('dd', {}, text)])),
      ...(note === '' ? [] : [el('p', { class: 'dim detail-note' }, note)]),
      ...(json === '' ? [] : [el('pre', { class: 'json' }, json)]),
    );
    this.#body.scrollTop = 0;
  }
}

const NOTHING: Detail = {
  words: 'Nothing is selected: nothing has happened yet.',
  members: [],
  json: '',
  note: '',
};

function detailOf(entry: Entry, view: View): Detail {
  switch (entry.kind) {
    case 'fact':
      return {
        words: entry.words,
        members: [
          ['Type', entry.type],
          ...(view.source?.kind === 'trace' ? [] : [['Number', `${entry.seq}`] as const]),
          ['Cause', entry.cause || 'no request of a Zeek'],
        ],
        json: pretty(entry.detail),
        note: cutNote(entry.detail),
      };
    case 'message':
      return {
        words: `${shortName(entry.from)} says ${entry.type}${entry.to.length === 0 ? '' : ` to ${entry.to.map(shortName).join(', ')}`}`,
        members: [
          ['Type', entry.type],
          ['Subject', entry.subject],
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
  const { actor, machine, event, state, status, changed } = entry;
  const before = history.stepAt(actor, moment)?.before ?? null;
  const chart = charts.get(machine);
  const taken = chart ? transitionsTaken(chart, entry, before?.state ?? null) : [];
  return {
    words: entry.isFound
      ? `${shortName(actor)} was found in this state when the recording began`
      : `${shortName(actor)} takes ${event}`,
    members: [
      ['Machine', machine],
      ['Event', entry.isFound ? 'not seen' : event],
      ['State before', before ? formatState(before.state) || before.status : 'not seen'],
      ['State after', formatState(state) || status],
      ['Transition', taken.join('; ') || 'none: handled within the state, or not seen'],
      ['Context changed', formatChanged(changed)],
    ],
    json: JSON.stringify(
      { actor, machine, event, before: before?.state ?? null, state, status, changed },
      null,
      2,
    ),
    note: 'Values of the context, the payload of the event and the actions that ran are not part of an inspection.',
  };
}

function formatChanged(changed: readonly string[] | undefined): string {
  if (!changed) return 'not seen';
  return changed.length === 0 ? 'nothing' : changed.join(', ');
}

function pretty(detail: string): string {
  try {
    return JSON.stringify(JSON.parse(detail), null, 2);
  } catch {
    return detail;
  }
}

function cutNote(detail: string): string {
  return detail.endsWith('…') ? 'The JSON is cut where it is long; the log or the trace has all of it.' : '';
}
