import type { VocabularyId } from '../vocabulary/model.ts';
import { selectListNames } from './select-list.ts';

export type ColumnNames = readonly (string | undefined)[];

/**
 * The names of a row's values by position, as far as they are known: as given or as the host tells them, else as they
 * stand in the query.
 * Rows of V1 have their columns in the order of the names, each once; so all must be known there, as osquery calls
 * them: a column that the query writes in capitals may be another in lower case.
 *
 * @param given in the query's order
 */
export function columnNames(
  vocabulary: VocabularyId,
  sql: string,
  given: readonly string[] | undefined,
): ColumnNames | undefined {
  const names: ColumnNames | undefined = given ?? selectListNames(sql);
  if (vocabulary !== 'bro-2017-01' || !names) return names;
  if (!given && names.some((name) => name === undefined || name !== name.toLowerCase())) return undefined;
  return [...new Set(names)].sort((a = '', b = '') => (a < b ? -1 : a > b ? 1 : 0));
}
