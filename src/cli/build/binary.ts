import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildTarget } from './build-target.ts';
import { bundleProgram } from './bundle.ts';
import { putIntoNode } from './executable.ts';
import { fetchNodes } from './nodes.ts';
import { TARGETS } from './targets.ts';

/**
 * Builds the one executable, Node itself with the program inside: for this machine, dist/bro-osquery.ext, or with
 * `--target linux-arm64` for another, dist/linux-arm64/bro-osquery.ext.
 */

const root = join(import.meta.dirname, '../../..');
const { values: given } = parseArgs({ options: { target: { type: 'string' } } });

/** Whoever runs the former executable goes on with it. */
function put(made: string, binary: string): void {
  mkdirSync(dirname(binary), { recursive: true });
  renameSync(made, binary);
  process.stdout.write(`${binary}\n`);
}

if (given.target === undefined) {
  const work = join(root, '.cache/binary');
  const inputs = await bundleProgram(root, work);
  // Whoever passes the binary on passes these on too, with their licenses.
  writeFileSync(join(work, 'inputs.json'), JSON.stringify(inputs));
  const made = join(work, 'bro-osquery.ext');
  putIntoNode({ folder: work, output: made, codeCache: true });
  put(made, join(root, 'dist/bro-osquery.ext'));
} else {
  const target = TARGETS.find(({ name }) => name === given.target);
  if (!target) throw new Error(`--target is one of ${TARGETS.map(({ name }) => name).join(', ')}`);
  const work = join(root, '.cache/release');
  await bundleProgram(root, work);
  const made = buildTarget(target, work, fetchNodes(join(root, '.cache/nodes')));
  put(made, join(root, 'dist', target.name, target.file));
}
