import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { layOutCharts } from '../inspect/charts.ts';
import { manualPages } from '../manual/pages.ts';
import { bundlePage } from './page.ts';

/** Builds the one executable: Node itself with the program inside (a single-executable application). */

const root = join(import.meta.dirname, '../../..');
const work = join(root, '.cache/binary');
const bundle = join(work, 'bro-osquery.cjs');
const binary = join(root, 'dist/bro-osquery.ext');

/**
 * MiB. A garbage collection of young objects stops everything for as long as what it finds alive is large: with this
 * about half a millisecond, with Node's own choice (16) several, in which osquery would wait; and memory at rest is less.
 */
const SEMI_SPACE = 2;

async function bundleProgram(): Promise<void> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [join(root, 'src/cli/main.ts')],
    outfile: bundle,
    bundle: true,
    minify: true,
    metafile: true,
    platform: 'node',
    format: 'cjs',
    target: 'node26',
    // Stack traces in the log name functions, not letters.
    keepNames: true,
    // Only a program that is started from its source asks whether it is the main module.
    define: { 'import.meta.main': 'false' },
    plugins: [filesInside],
    logLevel: 'warning',
    // Thrift's compiler writes them.
    logOverride: { 'duplicate-case': 'silent' },
  });
  // Whoever passes the binary on passes these on too, with their licenses.
  writeFileSync(join(work, 'inputs.json'), JSON.stringify(Object.keys(metafile.inputs).sort()));
}

/** What `inspect` and `manual` show is made here, since the binary has no bundler, no layout engine and no files. */
const filesInside: Plugin = {
  name: 'files-inside',
  setup(building) {
    const replace = (file: string, name: string, make: () => Promise<unknown>) =>
      building.onLoad({ filter: new RegExp(`/cli/${file}$`) }, async () => {
        const made = JSON.stringify(JSON.stringify(await make()));
        return { contents: `export const ${name} = async () => JSON.parse(${made});` };
      });
    replace('inspect/page-assets.ts', 'pageAssets', bundlePage);
    replace('inspect/charts.ts', 'layOutCharts', layOutCharts);
    replace('manual/pages.ts', 'manualPages', manualPages);
  },
};

/** The Node of the lock file, which runs everything else here too. */
function nodeOfLockFile(): string {
  return join(dirname(createRequire(import.meta.url).resolve('node/package.json')), 'bin/node');
}

function putIntoNode(): void {
  const config = join(work, 'sea.json');
  const made = join(work, 'bro-osquery.ext');
  writeFileSync(
    config,
    JSON.stringify({
      main: bundle,
      output: made,
      disableExperimentalSEAWarning: true,
      // Without it the start takes half as long again and 26 MiB more stay private at rest.
      useCodeCache: true,
      execArgv: [`--max-semi-space-size=${SEMI_SPACE}`],
    }),
  );
  // It puts the program into a copy of itself.
  execFileSync(nodeOfLockFile(), ['--build-sea', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  mkdirSync(dirname(binary), { recursive: true });
  // Whoever runs the former binary goes on with it.
  renameSync(made, binary);
}

mkdirSync(work, { recursive: true });
await bundleProgram();
putIntoNode();
process.stdout.write(`${binary}\n`);
