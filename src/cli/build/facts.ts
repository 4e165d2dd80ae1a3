import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { manualPages } from '../manual/pages.ts';
import { VERSION } from '../version.ts';
import { thirdPartyLicenses } from './third-party.ts';

/** What every package says of the program, whatever its format. */
export interface Facts {
  readonly version: string;
  /** Of the sources. */
  readonly date: Date;
  /** `Name <address>` */
  readonly maintainer: string;
  /** What `help` says: of the program itself under an empty name, and of each command. */
  readonly help: ReadonlyMap<string, string>;
  /** The pages of the manual, in Markdown, by topic. */
  readonly manual: Readonly<Record<string, string>>;
  /** Example configurations by file name. */
  readonly examples: ReadonlyMap<string, string>;
  /** The licenses of everything in the binary that is not ours. */
  readonly thirdParty: string;
  readonly license: string;
  /** CHANGELOG.md */
  readonly changelog: string;
}

/**
 * @param program runs the program: an executable with its first arguments
 * @param inputs the files that were bundled, from the root
 * @param node the folder of the package of npm that brings Node
 */
export async function gatherFacts(
  root: string,
  program: readonly string[],
  inputs: readonly string[],
  node: string,
): Promise<Facts> {
  const {
    DEBFULLNAME: name = 'bro-osquery maintainers',
    DEBEMAIL: email = 'maintainers@bro-osquery.example',
  } = process.env;
  return {
    version: VERSION,
    date: sourceDate(root),
    maintainer: `${name} <${email}>`,
    help: helpOf(program),
    manual: await manualPages(),
    examples: textsIn(join(root, 'fixtures/config'), /\.json$/),
    thirdParty: thirdPartyLicenses(root, inputs, node),
    license: readFileSync(join(root, 'LICENSE'), 'utf8'),
    changelog: readFileSync(join(root, 'CHANGELOG.md'), 'utf8'),
  };
}

/** The texts of the files in a folder by name. */
export function textsIn(folder: string, pattern = /./): ReadonlyMap<string, string> {
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map(({ name }) => name)
    .sort();
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

/** When the sources are from: SOURCE_DATE_EPOCH, else their last commit, else the day the version was given. */
export function sourceDate(root: string): Date {
  const { SOURCE_DATE_EPOCH: epoch } = process.env;
  if (epoch) return new Date(Number(epoch) * 1_000);
  try {
    const said = execFileSync('git', ['log', '-1', '--format=%ct'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return new Date(Number(said) * 1_000);
  } catch {
    return statSync(join(root, 'package.json')).mtime;
  }
}

/** What the program itself says of its commands. */
function helpOf([executable = '', ...first]: readonly string[]): ReadonlyMap<string, string> {
  const run = (...args: readonly string[]) =>
    // As wide as commander wraps where there is no terminal.
    execFileSync(executable, [...first, ...args], { encoding: 'utf8' });
  const whole = run('--help');
  const names = [...whole.slice(whole.indexOf('Commands:')).matchAll(/^ {2}([a-z-]+)/gm)].map(
    ([, name = '']) => name,
  );
  return new Map([
    ['', whole],
    ...names.filter((name) => name !== 'help').map((name) => [name, run('help', name)] as const),
  ]);
}
