import type { Earlier } from '../entries.ts';
import { History } from '../history.ts';
import type { FromPage, FromServer, Hello } from '../protocol.ts';
import type { ScheduleView } from '../schedule-view.ts';
import { Search } from '../search.ts';
import type { Place } from './link.ts';
import { ShownRows } from './shown-rows.ts';
import type { View } from './view.ts';

/** What the page knows, and where it stands in time. */
export class PageState {
  readonly #history = new History();
  #hello: Hello | null = null;
  #earlier: Earlier = 'nothing';
  #moment = -1;
  #live = true;
  #mark: number | null = null;
  #actor = '';
  #find = '';
  readonly #search = new Search();
  /** The server's clock minus ours, milliseconds. */
  #clockAhead = 0;
  #schedule: ScheduleView | null = null;
  #difference: readonly string[] | null = null;
  #asks = 0;
  /** What the server was asked last: the fact, and the two that are compared. */
  #askedSchedule = '';
  #askedDifference = '';
  readonly #rows = new ShownRows();
  /** Where a link leads, until the entries are there. */
  #place: Place | null;

  constructor(place: Place | null) {
    this.#place = place;
  }

  get source(): Hello['source'] | null {
    return this.#hello?.source ?? null;
  }

  /** Whether time goes on by itself: spans and countdowns do, and rows come. */
  get isTicking(): boolean {
    return this.#live && (this.source?.kind === 'live' || this.#rows.picked !== '');
  }

  /** @param now our clock */
  take(message: FromServer, now: number): void {
    switch (message.type) {
      case 'hello':
        this.#hello = message;
        this.#clockAhead = message.at - now;
        this.#history.clear();
        this.#earlier = 'nothing';
        this.#askedSchedule = '';
        this.#rows.reconnected();
        break;
      case 'entries': {
        const shift = this.#history.add(message.entries);
        if (shift > 0 || message.earlier !== 'nothing') {
          this.#earlier = shift > 0 ? 'discarded' : message.earlier;
        }
        this.#moment = Math.max(0, this.#moment - shift);
        if (this.#mark !== null) this.#mark = Math.max(0, this.#mark - shift);
        if (this.#live) this.#moment = this.#history.length - 1;
        if (!message.more) this.#arrive();
        break;
      }
      case 'schedule':
        if (message.ask === this.#asks) this.#schedule = message.view;
        break;
      case 'difference':
        this.#difference = message.lines;
        break;
      case 'rows':
        this.#rows.take(message, now);
        break;
      default:
    }
  }

  goTo(moment: number): void {
    this.#place = null;
    this.#stand(moment);
  }

  #stand(moment: number): void {
    this.#moment = Math.min(this.#history.length - 1, Math.max(0, moment));
    this.#live = false;
  }

  step(by: number): void {
    this.goTo(this.#moment + by);
  }

  stepFact(by: number): void {
    const { facts } = this.#history;
    const next =
      by > 0 ? facts.find((index) => index > this.#moment) : facts.findLast((index) => index < this.#moment);
    if (next !== undefined) this.goTo(next);
  }

  find(text: string): void {
    this.#place = null;
    this.#find = text;
  }

  /** To the next or previous entry that has what is searched for; from the last to the first. */
  nextHit(by: number): void {
    const hits = this.#search.hits(this.#history, this.#find);
    const found =
      by > 0
        ? (hits.find((index) => index > this.#moment) ?? hits[0])
        : (hits.findLast((index) => index < this.#moment) ?? hits.at(-1));
    if (found !== undefined) this.goTo(found);
  }

  follow(): void {
    this.#place = null;
    this.#live = !this.#live;
    if (this.#live) this.#moment = this.#history.length - 1;
  }

  toggleMark(): void {
    this.#place = null;
    this.#mark = this.#mark === null ? this.#moment : null;
    this.#difference = null;
    this.#askedDifference = '';
  }

  pickActor(actor: string): void {
    this.#place = null;
    this.#actor = actor;
  }

  nextActor(by: number): void {
    this.#place = null;
    const { actors } = this.#history;
    const all = actors.length > 0 ? actors : (this.#hello?.charts ?? []).map(({ machine }) => machine);
    this.#actor = all[(all.indexOf(this.#actor) + by + all.length) % all.length] ?? this.#actor;
  }

  /** The moment of now, which stays when others follow. */
  place(): Place {
    this.#live = false;
    return {
      moment: this.#history.nameOf(this.#moment),
      mark: this.#mark === null ? '' : this.#history.nameOf(this.#mark),
      actor: this.#actor,
      find: this.#find,
    };
  }

  follows(place: Place | null): void {
    this.#place = place;
    this.#arrive();
  }

  #arrive(): void {
    const { actors } = this.#history;
    if (this.#actor === '') this.#actor = actors.find((id) => id.startsWith('peer:')) ?? actors[0] ?? '';
    if (!this.#place) return;
    const { moment, mark, actor, find } = this.#place;
    if (find !== '') this.#find = find;
    const found = this.#history.momentOf(moment);
    if (found !== null) this.#stand(found);
    this.#mark = this.#history.momentOf(mark);
    if (actor !== '') this.#actor = actor;
    // What is read from a file comes little by little: the moment itself may still come.
    const last = this.#history.at(this.#history.length - 1)?.at ?? 0;
    const latest = Math.max(...[moment, mark].map((name) => Number.parseInt(name, 10) || 0));
    if (last > latest) this.#place = null;
  }

  /** Shows the rows of a query, or no more. */
  pickRows(name: string): void {
    this.#rows.pick(name);
  }

  /**
   * What the server has to be asked to show the moment.
   * @param now our clock
   */
  questions(now: number): readonly FromPage[] {
    if (!this.#hello) return [];
    const until = this.#live ? null : (this.#history.at(this.#moment)?.at ?? null);
    const questions: FromPage[] = [...this.#rows.questions(until, now)];
    const factAt = (moment: number) => this.#history.factAt(moment)?.seq ?? 0;
    const seq = factAt(this.#moment);
    // A recording that has just begun may have another state before its first fact.
    const wanted = `${seq} ${this.#history.facts.length === 0}`;
    if (wanted !== this.#askedSchedule) {
      this.#askedSchedule = wanted;
      this.#asks += 1;
      questions.push({ type: 'schedule', ask: this.#asks, seq });
    }
    if (this.#mark === null) return questions;
    const [from, to] = [
      factAt(Math.min(this.#mark, this.#moment)),
      factAt(Math.max(this.#mark, this.#moment)),
    ];
    if (`${from} ${to}` !== this.#askedDifference) {
      this.#askedDifference = `${from} ${to}`;
      questions.push({ type: 'difference', ask: this.#asks, from, to });
    }
    return questions;
  }

  /** @param now our clock */
  view(now: number): View {
    const charts = new Map((this.#hello?.charts ?? []).map((chart) => [chart.machine, chart]));
    return {
      history: this.#history,
      earlier: this.#earlier,
      source: this.source,
      charts,
      moment: this.#moment,
      live: this.#live,
      now: now + this.#clockAhead,
      find: this.#find,
      hits: this.#search.hits(this.#history, this.#find),
      actor: this.#actor || ([...charts.keys()][0] ?? ''),
      schedule: this.#schedule,
      mark: this.#mark,
      difference: this.#difference,
      rows: { picked: this.#rows.picked, view: this.#rows.view },
    };
  }
}
