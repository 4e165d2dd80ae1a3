import { type Filter, NO_FILTER } from '../filter.ts';

/** A moment as a link names it; empty: not named. */
export interface Place extends Filter {
  readonly moment: string;
  /** The moment that it is compared with. */
  readonly mark: string;
  readonly actor: string;
  /** What is searched for. */
  readonly find: string;
}

export function placeOfLink(): Place | null {
  const words = new URLSearchParams(location.hash.slice(1));
  const word = (name: string) => words.get(name) ?? '';
  const severity = word('severity');
  const place: Place = {
    ...{ moment: word('moment'), mark: word('with'), actor: word('actor'), find: word('find') },
    severity: severity === 'trouble' || severity === 'error' ? severity : NO_FILTER.severity,
    ...{ zeek: word('zeek'), type: word('type') },
  };
  return Object.values(place).some((text) => text !== '') ? place : null;
}

export function putIntoLink({ moment, mark, actor, find, severity, zeek, type }: Place): void {
  const words = new URLSearchParams({ moment, actor });
  for (const [name, text] of Object.entries({ with: mark, find, severity, zeek, type })) {
    if (text !== '') words.set(name, text);
  }
  history.replaceState(null, '', `#${words}`);
}

/** The token out of the link that `inspect` printed. It is taken out of the address line, which people copy. */
export function takeToken(): string {
  const words = new URLSearchParams(location.hash.slice(1));
  const given = words.get('token');
  if (given === null) return sessionStorage.getItem('token') ?? '';
  sessionStorage.setItem('token', given);
  words.delete('token');
  history.replaceState(null, '', `${location.pathname}${words.size > 0 ? `#${words}` : ''}`);
  return given;
}
