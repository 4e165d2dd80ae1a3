import { FLAG_TABLE } from './flag-table.ts';
import type { OptionInfo } from './thrift/messages.ts';

type FlagType = 'string' | 'bool' | 'uint64' | 'int32' | 'uint32';

interface Flag {
  readonly type: string;
  readonly defaultValue: string;
  value: string;
}

/** A command line that osqueryd refuses to start with; `message` is what gflags prints. */
export class FlagError extends Error {
  override readonly name = 'FlagError';
}

/** What osqueryd sets itself at its start (recording s01). */
const DAEMON_VALUES = [
  ['ignore_registry_exceptions', 'true'],
  ['ignore_table_exceptions', 'true'],
  ['logtostderr', 'true'],
  ['stderrthreshold', '3'],
] as const;

/** osqueryd's flags: values are text, as `options` and osquery_flags show them. */
export class Flags {
  readonly #flags = new Map<string, Flag>();

  constructor() {
    for (const line of FLAG_TABLE.trim().split('\n')) {
      const [name = '', type = 'string', ...rest] = line.split(' ');
      const defaultValue = rest.join(' ');
      this.#flags.set(name, { type, defaultValue, value: defaultValue });
    }
  }

  /**
   * @param argv flags as osqueryd takes them: `--name=value`, `--name value`, `--name` and `--noname`
   * @param readFile reads a file that `--flagfile` names
   * @throws FlagError for an unknown flag or a value that doesn't fit
   */
  static parse(argv: readonly string[], readFile: (path: string) => string): Flags {
    const flags = new Flags();
    flags.#parse(argv, readFile);
    for (const [name, value] of DAEMON_VALUES) flags.set(name, value);
    if (flags.bool('ephemeral')) flags.set('disable_database', 'true');
    return flags;
  }

  has(name: string): boolean {
    return this.#flags.has(name);
  }

  text(name: string): string {
    return this.#flags.get(name)?.value ?? '';
  }

  bool(name: string): boolean {
    return this.text(name) === 'true';
  }

  number(name: string): number {
    return Number(this.text(name));
  }

  set(name: string, value: string): void {
    const flag = this.#flags.get(name);
    if (flag) flag.value = flag.type === 'bool' ? boolText(value) : value;
  }

  /** Flags of the name `custom_…` come into being by being set in a config (s12). */
  setCustom(name: string, value: string): void {
    this.#flags.set(name, { type: 'string', defaultValue: '', value });
  }

  entries(): ReadonlyMap<string, OptionInfo> {
    return new Map([...this.#flags].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Items of a comma separated flag. */
  list(name: string): readonly string[] {
    return this.text(name)
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  }

  #parse(argv: readonly string[], readFile: (path: string) => string): void {
    for (let at = 0; at < argv.length; at += 1) {
      const word = argv[at] ?? '';
      const match = /^--?([^=]+)(?:=([\s\S]*))?$/.exec(word);
      if (!match) continue;
      const name = match[1] ?? '';
      if (name === 'flagfile') {
        this.#parse(flagFileLines(readFile(match[2] ?? argv[++at] ?? '')), readFile);
        continue;
      }
      const negated = name.startsWith('no') && !this.#flags.has(name) ? name.slice(2) : undefined;
      const flag = this.#flags.get(negated ?? name);
      if (!flag || (negated !== undefined && flag.type !== 'bool')) {
        throw new FlagError(`ERROR: unknown command line flag '${name}'`);
      }
      if (negated !== undefined) flag.value = 'false';
      else if (match[2] !== undefined) flag.value = checked(name, flag.type, match[2]);
      else if (flag.type === 'bool') flag.value = 'true';
      else flag.value = checked(name, flag.type, argv[++at] ?? '');
    }
  }
}

function flagFileLines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function checked(name: string, type: FlagType | string, value: string): string {
  const bad = () => new FlagError(`ERROR: illegal value '${value}' specified for ${type} flag '${name}'`);
  if (type === 'bool') {
    if (!/^(true|t|yes|y|1|false|f|no|n|0)$/i.test(value)) throw bad();
    return boolText(value);
  }
  if (type === 'int32' && !/^-?\d+$/.test(value)) throw bad();
  if ((type === 'uint64' || type === 'uint32') && !/^\d+$/.test(value)) throw bad();
  return value;
}

function boolText(value: string): string {
  return /^(true|t|yes|y|1)$/i.test(value) ? 'true' : 'false';
}
