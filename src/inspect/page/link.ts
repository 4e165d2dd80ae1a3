/** A moment as a link names it; empty: not named. */
export interface Place {
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
  const place = { moment: word('moment'), mark: word('with'), actor: word('actor'), find: word('find') };
  return Object.values(place).some((text) => text !== '') ? place : null;
}

export function putIntoLink({ moment, mark, actor, find }: Place): void {
  const words = new URLSearchParams({ moment, actor });
  if (mark !== '') words.set('with', mark);
  if (find !== '') words.set('find', find);
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
