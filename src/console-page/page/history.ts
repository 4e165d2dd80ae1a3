/** Queries that were run on this machine's browser, the latest first. */
const KEY = 'bro-osquery-history';
const MOST = 50;

export function readHistory(): readonly string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? kept.filter((one) => typeof one === 'string') : [];
  } catch {
    return [];
  }
}

export function addToHistory(sql: string): readonly string[] {
  const kept = [sql, ...readHistory().filter((one) => one !== sql)].slice(0, MOST);
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // A browser may keep nothing; the query runs all the same.
  }
  return kept;
}
