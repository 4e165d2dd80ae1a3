import { applyEdits, modify } from 'jsonc-parser';
import { parseSettings } from '../../config/parse.ts';
import { configMember } from '../../osquery/config-plugin.ts';
import { reasonOf } from '../../text/reason.ts';
import { SetupError } from './host-file.ts';
import { lineEndOf } from './lines.ts';

/** The key of osquery's configuration that is ours. */
const KEY = 'bro';

export interface WantedConfiguration {
  /** Addresses of Zeeks. */
  readonly zeeks: readonly string[];
  /** Members of the key `tls` to set. */
  readonly tls: Readonly<Record<string, string | boolean>>;
}

type Members = Readonly<Record<string, unknown>>;

/**
 * osquery's configuration with the key `bro` naming the Zeeks. What is there stays byte for byte, comments too: a list
 * of Zeeks gets what it lacks, one single other Zeek is replaced.
 * @param text empty: there is no file yet
 * @throws SetupError where it is none that osquery could read, or none that we could
 */
export function withZeeks(text: string, path: string, wanted: WantedConfiguration): string {
  const source = text.trim() === '' ? '{}\n' : text;
  const former = memberOf(source, path);
  let made = source;
  for (const [at, value] of changesOf(former, wanted)) made = edited(made, at, value);
  const parsed = parseSettings(memberOf(made, path));
  if ('problems' in parsed) {
    throw new SetupError(`the configuration ${path} would be wrong: ${parsed.problems.join('; ')}`);
  }
  return made === source ? text : made;
}

/** The key `bro` alone, for a server that gives osquery its configuration. */
export function memberFor({ zeeks, tls }: WantedConfiguration): string {
  const member = { ...addressesOf(zeeks), ...(Object.keys(tls).length > 0 && { tls }) };
  return JSON.stringify({ [KEY]: member }, null, 2);
}

function memberOf(text: string, path: string): Members {
  try {
    const member = configMember(new Map([[path, text]]), KEY);
    if (member === undefined || member === null) return {};
    if (typeof member === 'object' && !Array.isArray(member)) return member as Members;
  } catch (error) {
    throw new SetupError(`osquery can't read its configuration, so it stays as it is: ${reasonOf(error)}`);
  }
  throw new SetupError(`in the configuration ${path} the key ${KEY} is not an object`);
}

function addressesOf(zeeks: readonly string[]): Members {
  return zeeks.length === 1 ? { bro_endpoint: zeeks[0] } : { endpoints: zeeks };
}

/** What to set where, in the order in which it is to stand. */
function changesOf(former: Members, { zeeks, tls }: WantedConfiguration): [string[], unknown][] {
  const changes: [string[], unknown][] = [];
  const list = former['endpoints'];
  if (Array.isArray(list)) {
    const there = list.map((one) => (typeof one === 'string' ? one : one?.address));
    for (const [index, zeek] of zeeks.filter((one) => !there.includes(one)).entries()) {
      changes.push([[KEY, 'endpoints', String(list.length + index)], zeek]);
    }
  } else {
    const wanted = addressesOf(zeeks);
    for (const key of ['bro_endpoint', 'bro_ip', 'bro_port']) {
      if (former[key] !== undefined && !(key in wanted)) changes.push([[KEY, key], undefined]);
    }
    for (const [key, value] of Object.entries(wanted)) {
      if (former[key] !== value) changes.push([[KEY, key], value]);
    }
  }
  const formerTls = former['tls'] as Members | undefined;
  for (const [key, value] of Object.entries(tls)) {
    if (formerTls?.[key] !== value) changes.push([[KEY, 'tls', key], value]);
  }
  return changes;
}

/** The text with one value set, or taken out where it is undefined. */
function edited(text: string, path: readonly string[], value: unknown): string {
  // The editor knows no comments with a #: to it they are blanks of the same length, so that its places hold.
  const blanked = text.replaceAll(/^[ \t]*#.*$/gm, (line) => ' '.repeat(line.length));
  const indent = /^([ \t]+)"/m.exec(text)?.[1] ?? '  ';
  const edits = modify(
    blanked,
    path.map((key) => (/^\d+$/.test(key) ? Number(key) : key)),
    value,
    {
      formattingOptions: {
        insertSpaces: !indent.startsWith('\t'),
        tabSize: indent.startsWith('\t') ? 4 : indent.length,
        eol: lineEndOf(text),
      },
      isArrayInsertion: false,
    },
  );
  return applyEdits(text, edits);
}
