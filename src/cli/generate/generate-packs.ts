import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { PLATFORMS, type Refused } from '../../generate/model.ts';
import { allocateNames } from '../../generate/names.ts';
import { planPolicy, planQuery } from '../../generate/plan-query.ts';
import {
  FIRST_LINE,
  namesOfScript,
  platformsFor,
  type ScriptPolicy,
  type ScriptQuery,
  zeekScript,
} from '../../generate/zeek-script.ts';
import { VERSION } from '../version.ts';
import type { Types } from './describers.ts';
import { type FoundPack, readPacks } from './pack-files.ts';

export interface GenerateParts {
  readonly out: string;
  readonly interval: number;
  readonly types: Types;
}

export interface Generated {
  readonly lines: readonly string[];
  readonly problems: readonly string[];
  /** Queries and policies that are in a script, and those that are not. */
  readonly written: number;
  readonly refused: number;
}

const LOADER = '__load__.zeek';
const PACK_LINE = '# Pack:';

/** Writes a script a pack into the folder, and one that loads them all. */
export async function generatePacks(paths: readonly string[], parts: GenerateParts): Promise<Generated> {
  const { out } = parts;
  const { packs, problems } = readPacks(paths);
  const merged = mergedByName(packs);
  const loader = ownText(join(out, LOADER));
  const previous = packNames(loader ?? '');
  const names = allocateNames([...merged.keys()], previous);
  const lines: string[] = [];
  const wrong = [...problems];
  let written = 0;
  let refused = 0;
  const loaded: string[] = [];
  mkdirSync(out, { recursive: true });
  for (const [packName, found] of merged) {
    const name = names.get(packName) ?? packName;
    const file = join(out, `${name}.zeek`);
    const script = await scriptOf(found, name, ownText(file), parts);
    wrong.push(...script.refused.map((one) => `${packName}: ${one.name}: left out: ${one.reason}`));
    refused += script.refused.length;
    const count = script.queries.length + script.policies.length;
    if (count === 0) {
      wrong.push(`${packName}: no script: none of its queries can be asked`);
      continue;
    }
    write(file, zeekScript(script));
    written += count;
    loaded.push(name);
    const of = script.refused.length === 0 ? '' : ` of ${count + script.refused.length}`;
    const policies = script.policies.length === 0 ? '' : `, ${script.policies.length} of them policies`;
    lines.push(`${file}: ${count}${of} queries of ${packName}${policies}`);
  }
  if (loaded.length > 0) {
    const all = new Map([...previous, ...[...names].filter(([, name]) => loaded.includes(name))]);
    const kept = [...all].filter(([, name]) => existsSync(join(out, `${name}.zeek`)));
    write(join(out, LOADER), loaderText(kept));
    lines.push(`${join(out, LOADER)}: loads all of them (@load ${out})`);
  }
  return { lines, problems: wrong, written, refused };
}

/** Packs of one name, of files of one name as a rule, are told apart by their folders, and else by a number. */
function mergedByName(packs: readonly FoundPack[]): ReadonlyMap<string, FoundPack> {
  const merged = new Map<string, FoundPack>();
  const isAlone = ({ pack }: FoundPack) =>
    packs.filter((other) => other.pack.name === pack.name).length === 1;
  for (const found of packs) {
    const { pack, file } = found;
    const base = isAlone(found) ? pack.name : `${basename(dirname(resolve(file)))} ${pack.name}`;
    let name = base;
    for (let number = 2; merged.has(name); number += 1) name = `${base} ${number}`;
    merged.set(name, { ...found, pack: { ...pack, name } });
  }
  return merged;
}

async function scriptOf(
  { pack, file }: FoundPack,
  name: string,
  previous: string | undefined,
  { types, interval }: GenerateParts,
) {
  const refused: Refused[] = [...pack.refused];
  const names = allocateNames(
    pack.queries.map((query) => query.name),
    previous === undefined ? undefined : namesOfScript(previous),
  );
  const discovery: string[] = [];
  const broken: string[] = [];
  for (const sql of pack.discovery) {
    const plan = await planQuery(sql, PLATFORMS, types.describers);
    if (typeof plan === 'string') broken.push(`the pack's discovery query can't be run: ${plan}`);
    else discovery.push(plan.sql);
  }
  const queries: ScriptQuery[] = [];
  for (const query of pack.queries) {
    const platforms = platformsFor(pack, query);
    const plan =
      broken[0] ??
      (platforms.length === 0
        ? 'its platforms and those of its pack have none in common'
        : await planQuery(query.sql, platforms, types.describers));
    if (typeof plan === 'string') refused.push({ name: query.name, reason: plan });
    else queries.push({ query, plan, name: names.get(query.name) ?? query.name });
  }
  const policies: ScriptPolicy[] = [];
  const taken = new Set<string>();
  for (const policy of pack.policies) {
    const { query } = policy;
    const plan = await planPolicy(query.sql, query.condition.platforms, types.describers);
    if (typeof plan === 'string') refused.push({ name: query.name, reason: plan });
    else policies.push({ ...policy, query: { ...query, name: uniqueName(query.name, taken) }, plan });
  }
  return {
    pack: { ...pack, discovery },
    name,
    queries,
    policies,
    refused,
    source: basename(file),
    types: types.description,
    defaultInterval: interval,
    version: VERSION,
  };
}

function uniqueName(name: string, taken: Set<string>): string {
  let unique = name;
  for (let number = 2; taken.has(unique); number += 1) unique = `${name} ${number}`;
  taken.add(unique);
  return unique;
}

/** A script that is to be written anew; undefined where there is none. */
function ownText(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, 'utf8');
  if (text.startsWith(FIRST_LINE)) return text;
  throw new Error(`${file} was not written by this command and is left as it is: choose another --out`);
}

/** Whole or not at all: a Zeek may start meanwhile. */
function write(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

function loaderText(names: readonly (readonly [pack: string, name: string])[]): string {
  const sorted = [...names].sort(([, a], [, b]) => (a < b ? -1 : 1));
  return [
    `${FIRST_LINE} ${VERSION}: the next run adds to it.`,
    ...sorted.map(([pack, name]) => `${PACK_LINE} ${name} ${JSON.stringify(pack)}`),
    '',
    ...sorted.map(([, name]) => `@load ./${name}`),
    '',
  ].join('\n');
}

function packNames(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const [, name, pack] = /^# Pack: (\w+) (".*")$/.exec(line) ?? [];
      return name === undefined || pack === undefined ? [] : [[JSON.parse(pack) as string, name]];
    }),
  );
}
