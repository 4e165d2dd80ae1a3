import { button, el } from './dom.ts';

/** What keys do. */
export interface KeyCommands {
  goTo(moment: number): void;
  step(by: number): void;
  stepFact(by: number): void;
  follow(): void;
  play(): void;
  mark(): void;
  copyLink(): void;
  nextActor(by: number): void;
  theme(): void;
  search(): void;
  filter(): void;
  nextHit(by: number): void;
  focus(panel: string): void;
  help(): void;
}

interface Key {
  readonly keys: readonly string[];
  readonly says: string;
  readonly run: (commands: KeyCommands, key: string) => void;
}

const PANELS = ['machines', 'bus', 'schedule', 'log', 'details'];

const KEYS: readonly Key[] = [
  {
    keys: ['ArrowLeft', 'ArrowRight'],
    says: 'one event back, forward',
    run: (commands, key) => commands.step(key === 'ArrowLeft' ? -1 : 1),
  },
  {
    keys: [',', '.'],
    says: 'one record of the log back, forward',
    run: (commands, key) => commands.stepFact(key === ',' ? -1 : 1),
  },
  {
    keys: ['Home', 'End'],
    says: 'to the beginning, to the end',
    run: (commands, key) => commands.goTo(key === 'Home' ? 0 : Number.POSITIVE_INFINITY),
  },
  { keys: ['l'], says: 'follow what happens, or stay', run: (commands) => commands.follow() },
  { keys: ['p'], says: 'let recorded time go by, or stop it', run: (commands) => commands.play() },
  {
    keys: ['c'],
    says: 'compare this moment with others; again: no more',
    run: (commands) => commands.mark(),
  },
  { keys: ['y'], says: 'copy a link to this moment', run: (commands) => commands.copyLink() },
  {
    keys: ['[', ']'],
    says: 'the machine before, after',
    run: (commands, key) => commands.nextActor(key === '[' ? -1 : 1),
  },
  {
    keys: ['1', '2', '3', '4', '5'],
    says: 'machines, bus, schedule, event log, details',
    run: (commands, key) => commands.focus(PANELS[Number(key) - 1] ?? ''),
  },
  { keys: ['/'], says: 'search records and messages', run: (commands) => commands.search() },
  {
    keys: ['n', 'N'],
    says: 'the next hit, the previous',
    run: (commands, key) => commands.nextHit(key === 'n' ? 1 : -1),
  },
  { keys: ['f'], says: 'filter messages', run: (commands) => commands.filter() },
  { keys: ['t'], says: 'theme: light, dark or system', run: (commands) => commands.theme() },
  { keys: ['?'], says: 'these keys', run: (commands) => commands.help() },
];

export function listenToKeys(commands: KeyCommands): void {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const { target } = event;
    const writes = target instanceof HTMLInputElement && target.type !== 'range';
    if (writes && event.key === 'Escape') target.blur();
    if (writes || document.querySelector('dialog[open]')) return;
    const found = KEYS.find(({ keys }) => keys.includes(event.key));
    if (!found || (target instanceof HTMLSelectElement && /^(Arrow|Home|End)|^\w$/.test(event.key))) return;
    event.preventDefault();
    found.run(commands, event.key);
  });
}

export function showHelp(): void {
  const dialog = el(
    'dialog',
    { 'aria-label': 'Keys' },
    el('h2', {}, 'Keys'),
    el(
      'dl',
      {},
      ...KEYS.flatMap(({ keys, says }) => [
        el('dt', {}, ...keys.map((key) => el('kbd', {}, key.replace('Arrow', '')))),
        el('dd', {}, says),
      ]),
    ),
    button('Close', 'Close (Esc)', () => dialog.close()),
  );
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
