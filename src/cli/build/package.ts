import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { makeDebianPackage } from './debian-package.ts';
import { gatherFacts } from './facts.ts';
import { hostNode } from './third-party.ts';

/**
 * Makes a Debian package of the executable of this machine.
 *
 * `--to FOLDER` is where it goes, `--compression` what dpkg-deb is to compress with (`none` is quick).
 */

const root = join(import.meta.dirname, '../../..');
const { values: given } = parseArgs({
  options: {
    to: { type: 'string', default: join(root, 'dist') },
    compression: { type: 'string', default: 'xz' },
  },
});
const binary = join(root, 'dist/bro-osquery.ext');
const inputs: readonly string[] = JSON.parse(readFileSync(join(root, '.cache/binary/inputs.json'), 'utf8'));
const facts = await gatherFacts(root, [binary], inputs, hostNode(root));
const architecture = execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim();
const made = makeDebianPackage({
  facts,
  binary,
  architecture,
  to: resolve(given.to),
  compression: given.compression,
});
process.stdout.write(`${made}\n`);
