import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { isMembers, list, type Members, text } from './loose-values.ts';
import { type Pack, PackError, type PackQuery, type Refused } from './model.ts';
import { conditionOf, isRefused, readEntry } from './read-entry.ts';

/** What a file of JSON has: packs, and the files that it names as packs. */
export interface ReadJson {
  readonly packs: readonly Pack[];
  readonly files: readonly { readonly name: string; readonly path: string }[];
}

/**
 * Reads a pack (`queries`), packs by name, or a whole configuration of osquery (`schedule`, `packs`). Comments and
 * trailing commas may stand anywhere, more than osquery itself takes; of keys given twice the first counts, as there.
 * @param name of the pack, where the file is one; of a configuration's schedule
 * @throws PackError
 */
export function readJson(source: string, name: string): ReadJson {
  const root = parse(source);
  if (!isMembers(root)) throw new PackError('it is not a JSON object');
  if (isMembers(root['queries'])) return { packs: [readPack(name, root)], files: [] };
  if (!isMembers(root['schedule']) && !isMembers(root['packs'])) {
    throw new PackError('it has none of the keys queries, schedule and packs');
  }
  const schedule = isMembers(root['schedule']) ? [readPack(name, { queries: root['schedule'] })] : [];
  const packs = Object.entries(isMembers(root['packs']) ? root['packs'] : {});
  return {
    packs: [...schedule, ...packs.flatMap(([key, value]) => readNamed(key, value))],
    files: packs.flatMap(([key, value]) => (typeof value === 'string' ? [{ name: key, path: value }] : [])),
  };
}

/** A pack that stands in a configuration; `*` names the packs of several files in one. */
function readNamed(name: string, value: unknown): Pack[] {
  return isMembers(value) ? [readPack(name, value)] : [];
}

function readPack(name: string, members: Members): Pack {
  const entries = Object.entries(isMembers(members['queries']) ? members['queries'] : {}).map(
    ([key, value]) =>
      isMembers(value) ? readEntry(key, value) : { name: key, reason: 'it is not an object' },
  );
  return packOf(name, members, entries);
}

/** The pack of these entries, under the pack's own conditions. */
export function packOf(name: string, members: Members, entries: readonly (PackQuery | Refused)[]): Pack {
  const condition = conditionOf(members);
  const queries = entries.filter((entry): entry is PackQuery => !isRefused(entry));
  const reason = `the pack's platform ${JSON.stringify(members['platform'])} is none of darwin, linux and windows`;
  const noPlatform = condition.platforms.length === 0;
  return {
    name,
    condition,
    discovery: list(members['discovery'])
      .map(text)
      .filter((sql) => sql !== ''),
    queries: noPlatform ? [] : queries,
    policies: [],
    refused: [
      ...entries.filter(isRefused),
      ...(noPlatform ? queries.map((query) => ({ name: query.name, reason })) : []),
    ],
  };
}

function parse(source: string): unknown {
  // A line that begins with # is osquery's comment, and a line that ends in a backslash goes on in the next.
  const json = source
    .replace(/^\ufeff/, '')
    .replace(/^[ \t]*#.*$/gm, '')
    .replace(/\\\r?\n/g, '');
  const errors: ParseError[] = [];
  const root = parseTree(json, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (first) {
    const before = json.slice(0, first.offset).split('\n');
    const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
    const word = printParseErrorCode(first.error)
      .replace(/([a-z])([A-Z])/g, '$1 $2')
      .toLowerCase();
    throw new PackError(`it is not valid JSON: ${place}: ${word}`);
  }
  if (!root) throw new PackError('it is empty');
  return plainValue(root);
}

function plainValue(node: Node): unknown {
  if (node.type === 'array') return (node.children ?? []).map(plainValue);
  if (node.type !== 'object') return node.value;
  const members: [string, unknown][] = [];
  const seen = new Set<string>();
  for (const { children = [] } of node.children ?? []) {
    const [key, value] = children;
    if (!key || !value || seen.has(key.value)) continue;
    seen.add(key.value);
    members.push([key.value, plainValue(value)]);
  }
  return Object.fromEntries(members);
}
