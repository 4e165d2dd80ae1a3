import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { BUNDLE, LAYOUT_ENGINE } from './bundle.ts';

/**
 * MiB. A garbage collection of young objects stops everything for as long as what it finds alive is large: with this
 * about half a millisecond, with Node's own choice (16) several, in which osquery would wait; and memory at rest is less.
 */
const SEMI_SPACE = 2;

export interface Executable {
  /** Folder of the bundle. */
  readonly folder: string;
  readonly output: string;
  /** The Node that the program is put into; undefined: the one that builds. */
  readonly node?: string;
  /**
   * Whether V8's compiled code is put beside the source: the start takes two thirds of the time and 26 MiB less stay
   * private at rest. It holds for the platform alone on which it was made.
   */
  readonly codeCache: boolean;
}

/** Puts the bundle into a copy of a Node (a single-executable application). The same bundle makes the same bytes. */
export function putIntoNode({ folder, output, node, codeCache }: Executable): void {
  const config = join(folder, 'sea.json');
  writeFileSync(
    config,
    JSON.stringify({
      // A path from the working directory: it is in the result.
      main: BUNDLE,
      output,
      ...(node !== undefined && { executable: node }),
      assets: { [LAYOUT_ENGINE]: LAYOUT_ENGINE },
      disableExperimentalSEAWarning: true,
      useCodeCache: codeCache,
      execArgv: [`--max-semi-space-size=${SEMI_SPACE}`],
    }),
  );
  // Compiled code holds hashes with a seed that is else a new one each time.
  const flags = codeCache ? ['--random-seed=1'] : [];
  execFileSync(nodeOfLockFile(), [...flags, '--build-sea', config], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** The Node of the lock file, which runs everything else here too. */
function nodeOfLockFile(): string {
  return join(dirname(createRequire(import.meta.url).resolve('node/package.json')), 'bin/node');
}
