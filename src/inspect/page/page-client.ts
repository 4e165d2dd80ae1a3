import type { Filter } from '../filter.ts';
import { BusPanel } from './bus-panel.ts';
import { connect } from './connection-client.ts';
import { DetailPanel } from './detail-panel.ts';
import { el } from './dom.ts';
import { FilterBar, type FilterCommands } from './filter-bar.ts';
import { Frame } from './frame.ts';
import { type KeyCommands, listenToKeys, showHelp } from './keys.ts';
import { placeOfLink, putIntoLink, takeToken } from './link.ts';
import { LogPanel } from './log-panel.ts';
import { MachinesPanel } from './machines-panel.ts';
import { PageState } from './page-state.ts';
import { SchedulePanel } from './schedule-panel.ts';
import { SearchBox, type SearchCommands } from './search-box.ts';
import { applyTheme, nextTheme } from './theme.ts';
import { TimeBar, type TimeCommands } from './time-bar.ts';
import type { Commands } from './view.ts';

/** Puts the page together: what it knows, its panels, the server, keys, clock. */
function openPage(): void {
  const token = takeToken();
  const state = new PageState(placeOfLink());
  const changing =
    <Arguments extends readonly unknown[]>(change: (...given: Arguments) => void) =>
    (...given: Arguments): void => {
      change(...given);
      update();
    };
  const commands: KeyCommands & Commands & SearchCommands & TimeCommands & FilterCommands = {
    goTo: changing((moment: number) => state.goTo(moment)),
    step: changing((by: number) => state.step(by)),
    stepFact: changing((by: number) => state.stepFact(by)),
    follow: changing(() => state.follow()),
    play: changing(() => state.play(Date.now())),
    setSpeed: (speed) => state.setSpeed(speed),
    filterBy: changing((filter: Filter) => state.filter(filter)),
    mark: changing(() => state.toggleMark()),
    pickActor: changing((actor: string) => state.pickActor(actor)),
    pickRows: changing((name: string) => state.pickRows(name)),
    nextActor: changing((by: number) => state.nextActor(by)),
    theme: changing(nextTheme),
    copyLink: changing(() => {
      putIntoLink(state.place());
      copy(location.href, 'The link is copied.', 'The link is in the address line.');
    }),
    find: changing((text: string) => state.find(text)),
    nextHit: changing((by: number) => state.nextHit(by)),
    search() {
      searchBox.input.focus();
      searchBox.input.select();
    },
    filter() {
      frame.show('bus');
      bus.filter.focus();
    },
    focus(name) {
      frame.show(name);
      document.querySelector<HTMLElement>(`#${name} [tabindex="0"]`)?.focus();
    },
    help: showHelp,
  };

  applyTheme();
  const bus = new BusPanel(commands, () => update());
  const details = new DetailPanel((text) =>
    copy(text, 'The JSON is copied.', 'The browser refuses to copy: select the text.'),
  );
  const panels = [
    ...[new MachinesPanel(commands, download), bus, new SchedulePanel(commands), new LogPanel(commands)],
    details,
  ];
  const searchBox = new SearchBox(commands);
  const bar = new TimeBar(commands, searchBox.element);
  const filters = new FilterBar(commands);
  const frame = new Frame(panels, { bar, filters: filters.element }, commands);

  function copy(text: string, done: string, failed: string): void {
    const copied = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error('no clipboard'));
    copied.then(
      () => frame.flash(done),
      () => frame.flash(failed),
    );
  }

  let isDue = false;
  function update(): void {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      state.advance(Date.now());
      for (const question of state.questions(Date.now())) server.say(question);
      const view = state.view(Date.now());
      for (const panel of [...panels, bar, searchBox, filters]) panel.render(view);
      // Pictures follow each other as fast as the browser shows them while time goes by.
      if (state.isPlaying) update();
    });
  }

  const server = connect(token, {
    onMessage(message) {
      if (message.type === 'problem') frame.problem(message.text);
      state.take(message, Date.now());
      if (message.type === 'hello') {
        frame.name(message.source);
        frame.state('open', message.source.kind);
      }
      update();
    },
    onState(name) {
      if (name === 'lost') frame.state(name, 'lost, trying again');
      else if (name !== 'open') frame.state(name, name);
      if (name === 'refused') {
        frame.problem(
          'A token is required: open the link that `bro-osquery inspect` printed, with its #token=…',
        );
      }
    },
  });
  listenToKeys(commands);
  window.addEventListener(
    'hashchange',
    changing(() => state.follows(placeOfLink())),
  );
  window.addEventListener('resize', update);
  // Spans and countdowns go on while nothing else happens.
  setInterval(() => {
    if (state.isTicking && !document.hidden) update();
  }, 250);
}

/** Offers a text as a file to keep. */
function download({ name, text }: { readonly name: string; readonly text: string }): void {
  const address = URL.createObjectURL(new Blob([text], { type: 'image/svg+xml' }));
  el('a', { href: address, download: name }).click();
  // The browser has to have begun with it.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

openPage();
