import { shortened } from '../text/shortened.ts';
import type { Column } from '../vocabulary/model.ts';
import type { Refusal } from './refusal.ts';

/**
 * Whether each column has a name of its own. A row of osquery's has each name once, with the value of the last column
 * of that name (seen with 5.23.1), and SQL's names have no case.
 */
export function columnsRefusal(columns: readonly Column[]): Refusal | null {
  if (columns.some(({ name }) => name === '__proto__')) {
    return {
      code: 'column-name',
      text: 'a column is called __proto__, which is lost on the way from osquery; give it another name with AS',
    };
  }
  const places = new Map<string, number[]>();
  for (const [index, { name }] of columns.entries()) {
    const key = name.toLowerCase();
    places.set(key, [...(places.get(key) ?? []), index + 1]);
  }
  const shared = [...places.values()].find((same) => same.length > 1);
  if (!shared) return null;
  const names = shared.map((place) => columns[place - 1]?.name ?? '');
  const all = shared.length === 2 ? 'both' : 'all';
  const are =
    new Set(names).size === 1 ? `are ${all} named` : `are ${all}, but for upper and lower case, named`;
  const renamed = shared.map((place, at) => `… AS ${asIdentifier(`${names[at] ?? ''}_${place}`)}`);
  return {
    code: 'columns-same-name',
    text:
      `columns ${listed(shared.map(String), 'and')} of the result ${are} '${shortened(names[0] ?? '', 80)}', ` +
      `and osquery keeps one value a name, the last; give each a name of its own, for instance ${listed(renamed, 'and')}`,
  };
}

/** SQL's way to write a name: in double quotes where it is no plain word. */
function asIdentifier(name: string): string {
  const short = shortened(name, 80);
  return /^[A-Za-z_]\w*$/.test(short) ? short : `"${short.replaceAll('"', '""')}"`;
}

/** The first few, with the word before the last. */
function listed(words: readonly string[], conjunction: string): string {
  const shown = words.length > 4 ? [...words.slice(0, 3), 'others'] : words;
  return `${shown.slice(0, -1).join(', ')} ${conjunction} ${shown.at(-1) ?? ''}`;
}
