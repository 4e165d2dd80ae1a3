import { globSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, extname, isAbsolute, join } from 'node:path';
import type { Members } from '../../generate/loose-values.ts';
import { type Pack, PackError } from '../../generate/model.ts';
import { type FleetFile, packsOfFleet, readFleet } from '../../generate/read-fleet.ts';
import { readJson } from '../../generate/read-json.ts';
import { reasonOf } from '../../text/reason.ts';

/** A pack, and the file that it is of. */
export interface FoundPack {
  readonly pack: Pack;
  readonly file: string;
}

export interface FoundPacks {
  readonly packs: readonly FoundPack[];
  /** Files that can't be used, and why. */
  readonly problems: readonly string[];
}

const JSON_NAMES = new Set(['.conf', '.json']);
const YAML_NAMES = new Set(['.yml', '.yaml']);

/** Reads all packs of these files and folders, and of the files that they name. */
export function readPacks(paths: readonly string[]): FoundPacks {
  const problems: string[] = [];
  const packs: FoundPack[] = [];
  const fleet: { readonly file: string; readonly name: string; readonly content: FleetFile }[] = [];
  const seen = new Set<string>();

  const read = (file: string, name: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    try {
      const text = readFileSync(file, 'utf8');
      if (YAML_NAMES.has(extname(file))) {
        const content = readFleet(text);
        fleet.push({ file, name, content });
        problems.push(...content.problems.map((problem) => `${file}: ${problem}`));
        for (const path of content.files) follow(file, path);
        return;
      }
      const found = readJson(text, name);
      packs.push(...found.packs.map((pack) => ({ pack, file })));
      for (const { name: named, path } of found.files) follow(file, path, named === '*' ? undefined : named);
    } catch (error) {
      problems.push(`${file}: ${error instanceof PackError ? error.message : reasonOf(error)}`);
    }
  };
  const follow = (from: string, path: string, name?: string) => {
    const pattern = isAbsolute(path) ? path : join(dirname(from), path);
    const files = globSync(pattern.replaceAll('%', '*')).sort();
    if (files.length === 0)
      problems.push(`${from}: it names ${path}, which is not here: give its copy as well`);
    for (const file of files) read(file, name ?? nameOf(file));
  };

  for (const path of paths) for (const file of filesAt(path, problems)) read(file, nameOf(file));
  const known = new Map<string, Members>(fleet.flatMap(({ content }) => [...content.queries]));
  for (const { file, name, content } of fleet) {
    packs.push(...packsOfFleet(name, content, known).map((pack) => ({ pack, file })));
  }
  return { packs, problems };
}

/** The file itself, or what of a folder can be a pack. */
function filesAt(path: string, problems: string[]): readonly string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path)
      .filter((name) => JSON_NAMES.has(extname(name)) || YAML_NAMES.has(extname(name)))
      .sort()
      .map((name) => join(path, name));
  } catch (error) {
    problems.push(reasonOf(error));
    return [];
  }
}

/** Fleet says in the ending what a file has: `macos.queries.yml`. */
function nameOf(file: string): string {
  return basename(file, extname(file)).replace(/\.(queries|reports|policies)$/, '');
}
