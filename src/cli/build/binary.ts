import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundleProgram } from './bundle.ts';
import { putIntoNode } from './executable.ts';

/** Builds the one executable for this machine: Node itself with the program inside. */

const root = join(import.meta.dirname, '../../..');
const work = join(root, '.cache/binary');
const binary = join(root, 'dist/bro-osquery.ext');

const inputs = await bundleProgram(root, work);
// Whoever passes the binary on passes these on too, with their licenses.
writeFileSync(join(work, 'inputs.json'), JSON.stringify(inputs));
const made = join(work, 'bro-osquery.ext');
putIntoNode({ folder: work, output: made, codeCache: true });
mkdirSync(dirname(binary), { recursive: true });
// Whoever runs the former binary goes on with it.
renameSync(made, binary);
process.stdout.write(`${binary}\n`);
