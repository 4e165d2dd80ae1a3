/** What a connection costs Zeek with more and more sockets and events known: flat if nothing is searched through. */
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { findZeek } from '../../../src/cli/demo/programs.ts';

const ROOT = join(import.meta.dirname, '../../..');
const KNOWN = [10_000, 100_000, 1_000_000];

const zeek = findZeek(process.env);
const print = (line: string) => process.stdout.write(`${line}\n`);
if (!zeek) {
  print('not measured: it needs a real Zeek (set ZEEK)');
} else {
  const zeekPath = execFileSync(join(dirname(zeek.program), 'zeek-config'), ['--zeekpath'])
    .toString()
    .trim();
  print('\nsockets and events known   µs of CPU a connection   bytes for each that is known');
  for (const known of KNOWN) {
    const output = execFileSync(
      zeek.program,
      ['osquery/attribution', join(import.meta.dirname, 'cost.zeek'), `Cost::known=${known}`],
      { cwd: '/tmp', env: { ...process.env, ZEEKPATH: `${join(ROOT, 'zeek')}:${zeekPath}` } },
    );
    const [count = '', micros = '', bytes = '', unanswered = ''] = output.toString().trim().split(' ');
    print(`${count.padStart(23)}${micros.padStart(25)}${bytes.padStart(31)}`);
    if (unanswered !== '0') print(`${unanswered} connections had no answer`);
  }
}
