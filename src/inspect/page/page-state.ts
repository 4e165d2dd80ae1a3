import type { Earlier } from '../entries.ts';
import { type Filter, NO_FILTER } from '../filter.ts';
import { History } from '../history.ts';
import { LogStates } from '../log-states.ts';
import type { FromPage, FromServer, Hello } from '../protocol.ts';
import { Search } from '../search.ts';
import { AskedSchedule } from './asked-schedule.ts';
import type { Place } from './link.ts';
import { Playback } from './playback.ts';
import { ScaleOfHistory } from './scale-of-history.ts';
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
  #filter: Filter = NO_FILTER;
  readonly #scale = new ScaleOfHistory();
  readonly #playback = new Playback();
  readonly #logStates = new LogStates();
  /** The server's clock minus ours, milliseconds. */
  #clockAhead = 0;
  readonly #schedule = new AskedSchedule();
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
    const isLive = this.#live && (this.source?.kind === 'live' || this.#rows.picked !== '');
    return isLive || this.#scale.isStale(this.#history);
  }

  get isPlaying(): boolean {
    return this.#playback.isPlaying;
  }

  /** @param now our clock */
  take(message: FromServer, now: number): void {
    switch (message.type) {
      case 'hello':
        this.#hello = message;
        this.#clockAhead = message.at - now;
        this.#history.clear();
        this.#earlier = 'nothing';
        this.#schedule.reconnected();
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
        this.#schedule.takeSchedule(message);
        break;
      case 'difference':
        this.#schedule.difference = message.lines;
        break;
      case 'rows':
        this.#rows.take(message, now);
        break;
      default:
    }
  }

  goTo(moment: number): void {
    this.#place = null;
    this.#playback.stop();
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

  /** Lets time go by from the moment on, or stops it; at the end from the beginning. */
  play(now: number): void {
    this.#place = null;
    if (this.#playback.isPlaying) {
      this.#playback.stop();
      return;
    }
    const scale = this.#scale.of(this.#history, now);
    const isOver = this.#moment >= this.#history.length - 1;
    this.#stand(isOver ? 0 : this.#moment);
    this.#playback.start(scale.placeOf(this.#moment), now);
  }

  /** @param speed times as fast as it happened */
  setSpeed(speed: number): void {
    this.#playback.speed = speed;
  }

  /** Goes on to the moment that is reached while time goes by. */
  advance(now: number): void {
    const moment = this.#playback.moment(this.#scale.of(this.#history, now), now);
    if (moment !== null) this.#stand(moment);
  }

  filter(filter: Filter): void {
    this.#place = null;
    this.#filter = filter;
  }

  follow(): void {
    this.#place = null;
    this.#playback.stop();
    this.#live = !this.#live;
    if (this.#live) this.#moment = this.#history.length - 1;
  }

  toggleMark(): void {
    this.#place = null;
    this.#mark = this.#mark === null ? this.#moment : null;
    this.#schedule.markMoved();
  }

  pickActor(actor: string): void {
    this.#place = null;
    this.#actor = actor;
  }

  nextActor(by: number): void {
    this.#place = null;
    const all = this.#actors();
    this.#actor = all[(all.indexOf(this.#shownActor()) + by + all.length) % all.length] ?? this.#actor;
  }

  /** Who may be looked at; of an event log first those of which it says something. */
  #actors(): readonly string[] {
    if (this.#history.actors.length > 0) return this.#history.actors;
    const told = this.source?.kind === 'log' ? this.#logStates.actors(this.#history) : [];
    return [...told, ...(this.#hello?.charts ?? []).map(({ machine }) => machine)];
  }

  #shownActor(): string {
    if (this.#actor !== '') return this.#actor;
    const actors = this.#actors();
    return actors.find((id) => id.startsWith('peer:')) ?? actors[0] ?? '';
  }

  /** The moment of now, which stays when others follow. */
  place(): Place {
    this.#live = false;
    return {
      moment: this.#history.nameOf(this.#moment),
      mark: this.#mark === null ? '' : this.#history.nameOf(this.#mark),
      actor: this.#shownActor(),
      find: this.#find,
      ...this.#filter,
    };
  }

  follows(place: Place | null): void {
    this.#place = place;
    this.#arrive();
  }

  #arrive(): void {
    if (!this.#place) return;
    const { moment, mark, actor, find, severity, zeek, type } = this.#place;
    if (find !== '') this.#find = find;
    this.#filter = { severity, zeek, type };
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
    return [
      ...this.#rows.questions(until, now),
      ...this.#schedule.questions(this.#history, this.#moment, this.#mark),
    ];
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
      filter: this.#filter,
      scale: this.#scale.of(this.#history, now),
      isPlaying: this.#playback.isPlaying,
      actors: this.#actors(),
      actor: this.#shownActor(),
      logStates: this.source?.kind === 'log' ? this.#logStates : null,
      schedule: this.#schedule.view,
      mark: this.#mark,
      difference: this.#schedule.difference,
      rows: { picked: this.#rows.picked, view: this.#rows.view },
    };
  }
}
