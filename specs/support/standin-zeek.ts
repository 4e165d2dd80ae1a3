import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/**
 * Stands in for a real Zeek that runs the demo's script, `standin-zeek.ts ./demo.zeek`, as far as the demo sees: it
 * reads port and queries out of the script, has `bro-osquery bro` do what that asks for, and prints what it would print.
 */

const script = readFileSync(process.argv[2] ?? '', 'utf8');
const find = (pattern: RegExp): string => {
  const found = pattern.exec(script)?.[1];
  if (found === undefined) throw new Error(`the script has no ${pattern}`);
  return found;
};
if (!existsSync('osquery/native.zeek'))
  throw new Error("the package's scripts are not where the script loads them");
const port = find(/broker_port = (\d+)\/tcp/);
const [subscription, oneTime] = [
  /\$ev=Demo::row_1, \$query=(".*?"),/,
  /\$ev=Demo::row_2, \$query=(".*?")\]/,
].map((pattern): string => JSON.parse(find(pattern)));
const leave: string = JSON.parse(find(/file_size\((".*?")\)/));

const main = join(import.meta.dirname, '../../src/cli/main.ts');
const words = [
  '--listen',
  `127.0.0.1:${port}`,
  '--json',
  '--interval',
  '1',
  '--subscribe',
  subscription ?? '',
];
const bro = spawn(process.execPath, ['--import', 'tsx', main, 'bro', ...words, '--execute', oneTime ?? ''], {
  cwd: join(import.meta.dirname, '../..'),
});
const say = (line: string) => process.stdout.write(`${line}\n`);
createInterface(bro.stdout).on('line', say);
createInterface(bro.stderr).on('line', (line) => {
  if (line.startsWith('{') && !line.includes('"unsubscribed"')) say(line);
});
const look = setInterval(() => {
  if (!existsSync(leave)) return;
  clearInterval(look);
  bro.once('close', () => say('{"type":"unsubscribed"}'));
  bro.kill('SIGTERM');
}, 100);
// A real Zeek runs until it is told to end.
setInterval(() => undefined, 1_000);
process.once('SIGTERM', () => {
  bro.kill('SIGKILL');
  process.exit(0);
});
