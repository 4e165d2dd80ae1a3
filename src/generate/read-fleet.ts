import { parseAllDocuments } from 'yaml';
import { isMembers, list, type Members, text } from './loose-values.ts';
import type { Pack, PackQuery, Refused } from './model.ts';
import { isRefused, readEntry } from './read-entry.ts';
import { packOf } from './read-json.ts';

/** What a YAML file of Fleet has. */
export interface FleetFile {
  /** Packs that refer to queries by their names, perhaps of other files. */
  readonly packs: readonly Members[];
  readonly queries: ReadonlyMap<string, Members>;
  readonly policies: readonly Members[];
  /** Files that it names in place of queries. */
  readonly files: readonly string[];
  /** Documents that are no YAML, and why. */
  readonly problems: readonly string[];
}

/**
 * Reads Fleet's YAML in all its forms: documents of a `kind` (`query`, `pack`, `policy`), GitOps' lists of queries, and
 * its files with the keys `queries` (`reports` since 2026) and `policies`.
 */
export function readFleet(source: string): FleetFile {
  const packs: Members[] = [];
  const queries = new Map<string, Members>();
  const policies: Members[] = [];
  const files: string[] = [];
  const problems: string[] = [];
  const addQuery = (entry: unknown) => {
    if (!isMembers(entry)) return;
    if (typeof entry['path'] === 'string') files.push(entry['path']);
    else queries.set(text(entry['name']) || `query_${queries.size + 1}`, entry);
  };
  const addPolicy = (entry: unknown) => {
    if (!isMembers(entry)) return;
    if (typeof entry['path'] === 'string') files.push(entry['path']);
    else policies.push(entry);
  };
  for (const document of parseAllDocuments(source, { uniqueKeys: false })) {
    const [error] = 'errors' in document ? document.errors : [];
    if (error) {
      problems.push(`a document in it is not valid YAML: ${error.message.split('\n')[0]?.replace(/:$/, '')}`);
      continue;
    }
    const value: unknown = 'toJS' in document ? document.toJS() : undefined;
    if (Array.isArray(value)) for (const entry of value) isPolicy(entry) ? addPolicy(entry) : addQuery(entry);
    if (!isMembers(value)) continue;
    const { kind, spec = {} } = value;
    if (kind === 'pack' && isMembers(spec)) packs.push(spec);
    else if (kind === 'policy') addPolicy(spec);
    else if (kind === 'query' || kind === 'report' || kind === 'built-in') addQuery(spec);
    else if (kind === undefined) {
      for (const entry of [...list(value['queries']), ...list(value['reports'])]) addQuery(entry);
      for (const entry of list(value['policies'])) addPolicy(entry);
    }
  }
  return { packs, queries, policies, files, problems };
}

/** In a list without a kind, what has a resolution or is critical is a policy. */
function isPolicy(entry: unknown): boolean {
  return (
    isMembers(entry) && ('resolution' in entry || 'critical' in entry || 'calendar_events_enabled' in entry)
  );
}

/**
 * The packs of a file, and one more of the queries that none of its packs names.
 * @param known queries of all files, by name
 */
export function packsOfFleet(name: string, file: FleetFile, known: ReadonlyMap<string, Members>): Pack[] {
  const used = new Set<string>();
  const packs = file.packs.map((spec) => {
    const entries = list(spec['queries']).map((entry): PackQuery | Refused => {
      if (!isMembers(entry)) return { name: '', reason: 'it is not an object' };
      const asked = text(entry['query']);
      const own = text(entry['name']) || asked;
      const query = file.queries.get(asked) ?? known.get(asked);
      if (!query)
        return { name: own, reason: `no file has the query ${JSON.stringify(asked)} that it names` };
      used.add(asked);
      return readEntry(own, {
        ...query,
        ...entry,
        query: query['query'],
        description: entry['description'] ?? query['description'],
      });
    });
    return packOf(text(spec['name']) || name, spec, entries);
  });
  const loose = [...file.queries].filter(([query]) => !used.has(query));
  if (loose.length === 0 && file.policies.length === 0) return packs;
  const entries = loose.map(([query, members]) => readEntry(query, members));
  return [...packs, withPolicies(packOf(name, {}, entries), file.policies)];
}

function withPolicies(pack: Pack, given: readonly Members[]): Pack {
  const entries = given.map((members, at) => ({
    entry: readEntry(text(members['name']) || `policy ${at + 1}`, members),
    resolution: text(members['resolution']).trim(),
  }));
  return {
    ...pack,
    policies: entries.flatMap(({ entry, resolution }) =>
      isRefused(entry) ? [] : [{ query: entry, resolution }],
    ),
    refused: [...pack.refused, ...entries.flatMap(({ entry }) => (isRefused(entry) ? [entry] : []))],
  };
}
