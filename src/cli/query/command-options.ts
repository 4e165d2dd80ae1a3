import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseSubnet } from '../../broker/ip-address.ts';
import { UPDATE_TYPES, type UpdateType } from '../../vocabulary/model.ts';
import { collected, groups, interval, seconds, whole } from '../bro/arguments.ts';
import { addSessionOptions, type SessionOptions } from '../console/options.ts';
import { type SavedKey, type SavedQuery, SavedQueryError } from './saved-queries.ts';

export interface QueryOptions extends SessionOptions {
  readonly host?: readonly string[];
  readonly group?: readonly string[];
  readonly subnet?: readonly string[];
  readonly where?: string;
  readonly timeout: number;
  readonly first?: number;
  readonly maxRows?: number;
  readonly every?: number;
  readonly update?: UpdateType;
  readonly watch?: boolean;
  /** SQL over the rows, from `--then`. */
  readonly aggregate?: string;
  readonly format: 'auto' | 'table' | 'json' | 'csv' | 'ndjson';
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly ndjson?: boolean;
  readonly rawCsv?: boolean;
  readonly quiet?: boolean;
  readonly queries?: string;
  readonly list?: boolean;
}

/** Seconds to wait for answers, and between runs with --watch, where nothing is said. */
export const DEFAULT_TIMEOUT = 60;
export const DEFAULT_EVERY = 10;

export function addQueryOptions(command: Command): Command {
  addSessionOptions(command);
  return command
    .optionsGroup('Of whom (all hosts otherwise):')
    .option('--host <id>', 'a host, by id or name (repeatable)', collected)
    .option('--group <name>', 'the hosts of a group and of those in it (repeatable)', groups)
    .option('--subnet <network>', 'hosts with an address in it, as 10.0.0.0/8 (repeatable)', subnets)
    .option(
      '--where <condition>',
      'of those only hosts for which it holds: SQL over what "bro-osquery hosts" shows',
    )
    .optionsGroup('Until when:')
    .option('--timeout <seconds>', `how long to wait for answers (default: ${DEFAULT_TIMEOUT})`, seconds)
    .option('--first <n>', 'enough once so many rows have come', whole)
    .option('--max-rows <n>', 'rows after which Zeek ends the query, where it allows more', whole)
    .optionsGroup('Again and again:')
    .option('--every <seconds>', 'run it so often, until Ctrl-C; rows that come and go are printed', interval)
    .addOption(new Option('--update <type>', 'which rows of it (default: BOTH)').choices(UPDATE_TYPES))
    .option('--watch', `a live screen of the rows that there are (every ${DEFAULT_EVERY} s without --every)`)
    .optionsGroup('Output:')
    .option(
      '--then <sql>',
      'print the result of SQL over all rows: table "rows" with host, hostname, columns',
    )
    .addOption(
      new Option('--format <form>', 'auto: a table on a terminal, else ndjson')
        .choices(['auto', 'table', 'json', 'csv', 'ndjson'])
        .default('auto'),
    )
    .option('--json', 'one JSON object in the end, with what each host did')
    .option('--csv', 'CSV in the end; texts that a spreadsheet would run as formulas are defused')
    .option('--ndjson', 'a JSON object a row, as rows come')
    .option('--raw-csv', 'leave such texts as they are')
    .option('--quiet', 'no bar and no summary')
    .optionsGroup('Saved queries:')
    .option(
      '--queries <folder>',
      'where @NAME is looked for (default: ./queries, ~/.config/bro-osquery/queries)',
    )
    .option('--list', 'list them');
}

function subnets(text: string, all: readonly string[] = []): readonly string[] {
  if (!parseSubnet(text)) throw new InvalidArgumentError('It is not a subnet, such as 10.0.0.0/8.');
  return [...all, text];
}

type Reader = (values: readonly string[]) => Partial<QueryOptions>;

const READERS: ReadonlyMap<SavedKey, Reader> = new Map<SavedKey, Reader>([
  ['host', (values) => ({ host: values })],
  ['group', (values) => ({ group: values.reduce<readonly string[]>((all, text) => groups(text, all), []) })],
  [
    'subnet',
    (values) => ({ subnet: values.reduce<readonly string[]>((all, text) => subnets(text, all), []) }),
  ],
  ['where', (values) => ({ where: values.map((text) => `(${text})`).join(' AND ') })],
  ['timeout', (values) => ({ timeout: seconds(values.at(-1) ?? '') })],
  ['first', (values) => ({ first: whole(values.at(-1) ?? '') })],
  // A long statement may go on in further lines of the head.
  ['then', (values) => ({ aggregate: values.join(' ') })],
  ['every', (values) => ({ every: interval(values.at(-1) ?? '') })],
  ['update', (values) => ({ update: updateType(values.at(-1)) })],
]);

function updateType(text: string | undefined): UpdateType {
  const update = UPDATE_TYPES.find((one) => one === text);
  if (update) return update;
  throw new InvalidArgumentError(`It must be one of ${UPDATE_TYPES.join(', ')}.`);
}

const WHOM = ['host', 'group', 'subnet', 'where'] as const;

/** The head's options below those of the command line. @throws SavedQueryError */
export function withSaved(options: QueryOptions, { file, options: saved }: SavedQuery): QueryOptions {
  let merged: Partial<QueryOptions> = {};
  for (const [key, values] of Object.entries(saved) as [SavedKey, readonly string[]][]) {
    // Whom to ask is said as a whole, here or there.
    if (WHOM.some((one) => one === key) && WHOM.some((one) => options[one] !== undefined)) continue;
    try {
      merged = { ...merged, ...READERS.get(key)?.(values) };
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      throw new SavedQueryError(`${file}: "${key}: ${values.join(', ')}" in its head: ${error.message}`);
    }
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return { ...merged, ...given } as QueryOptions;
}
