/**
 * How many connections get the right process: `make bench-attribution`. A generator makes connections of many kinds and
 * writes down who made which; Zeek, with the scripts of this repository, sees them on the loopback interface and is told
 * by osqueryd of this host; conn.log is held against the truth. With and without the kernel's audit (`AUDIT=off`).
 * Needs root, and the real Zeek and osqueryd (`ZEEK`, `OSQUERYD`, or the PATH).
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { findOsqueryd, findZeek } from '../../../src/cli/demo/programs.ts';
import { HostProcesses } from '../../support/host-processes.ts';
import { Generator } from './generator.ts';
import { formatScores, readConnLog, score, total } from './truth.ts';

const ROOT = join(import.meta.dirname, '../../..');
const POLL_SECONDS = 5;
const ZEEK_PORT = 39_000 + (process.pid % 900);
const FIRST_PORT = 23_000 + 40 * (process.pid % 100);
const RECEIVE_BUFFER = 'net.core.rmem_default';

const AUDIT_FLAGS = [
  '--disable_events=false',
  '--disable_audit=false',
  '--audit_allow_config=true',
  '--audit_persist=true',
  '--audit_allow_process_events=true',
  '--audit_allow_sockets=true',
  '--audit_allow_accept_socket_events=true',
  '--audit_backlog_limit=65536',
];

const print = (lines: readonly string[]) => process.stdout.write(`${lines.join('\n')}\n`);
const environment = process.env;

async function until(what: string, condition: () => boolean, seconds: number): Promise<void> {
  const end = Date.now() + seconds * 1_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await pause(200);
  }
}

function script(audit: boolean): string {
  return [
    '@load osquery/native',
    '@load osquery/attribution',
    '@load policy/tuning/json-logs',
    `redef osquery::broker_ip = "127.0.0.1";`,
    `redef osquery::broker_port = ${ZEEK_PORT}/tcp;`,
    `redef osquery::attribution::query_interval = ${POLL_SECONDS};`,
    `redef osquery::attribution::use_socket_events = ${audit ? 'T' : 'F'};`,
    environment['ZEEK_MORE'] ?? '',
  ].join('\n');
}

async function measure(audit: boolean, zeek: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'attribution-'));
  await writeFile(join(directory, 'bench.zeek'), script(audit));
  const zeekPath = execFileSync(join(dirname(zeek), 'zeek-config'), ['--zeekpath'])
    .toString()
    .trim();
  const watcher = spawn(
    zeek,
    ['-C', '-i', 'lo', '-f', `portrange ${FIRST_PORT}-${FIRST_PORT + 39}`, 'bench.zeek'],
    {
      cwd: directory,
      stdio: 'ignore',
      env: { ...environment, ZEEKPATH: `${join(ROOT, 'zeek')}:${zeekPath}` },
    },
  );
  const host = await HostProcesses.create({ bro: { bro_endpoint: `127.0.0.1:${ZEEK_PORT}`, uid: 'bench' } });
  const buffer = execFileSync('sysctl', ['-n', RECEIVE_BUFFER]).toString().trim();
  const generator = new Generator(FIRST_PORT);
  try {
    // What the audit's socket gets: with less, the kernel drops records while osqueryd waits for a CPU.
    if (audit) execFileSync('sysctl', ['-qw', `${RECEIVE_BUFFER}=33554432`]);
    await host.startOsqueryd(['--schedule_splay_percent=0', ...(audit ? AUDIT_FLAGS : [])]);
    host.startExtension();
    const log = join(directory, 'osquery.log');
    const said = (words: string) => existsSync(log) && readFileSync(log, 'utf8').includes(words);
    await until(
      'the host introduces itself',
      () => {
        if (watcher.exitCode !== null) throw new Error(`Zeek ended with ${watcher.exitCode}`);
        return said('Host is ');
      },
      120,
    );
    await pause(audit ? 10_000 : 2_000);
    execFileSync('sysctl', ['-qw', `${RECEIVE_BUFFER}=${buffer}`]);
    await generator.start();
    await pause(2 * POLL_SECONDS * 1_000);
    await generator.run(Number(environment['SCALE'] ?? 1), POLL_SECONDS);
    // The last connections end in Zeek, and evidence that is under way arrives.
    await pause(45_000);
    const gone = once(watcher, 'exit');
    watcher.kill('SIGTERM');
    await gone;
    const scores = score(generator.truth, readConnLog(join(directory, 'conn.log')));
    const tcp = total(scores.originators, (kind) => !kind.startsWith('UDP'));
    const all = tcp.right + tcp.wrong + tcp.none;
    print([
      '',
      `=== ${audit ? 'with audit' : 'without audit'}, sockets polled every ${POLL_SECONDS} s: ${generator.truth.length} connections, ${scores.missing} not in conn.log`,
      ...formatScores('originators', scores.originators),
      ...formatScores('responders', scores.responders),
      ...formatScores('by evidence', scores.evidence),
      '',
      `originators of TCP: ${((100 * tcp.right) / all).toFixed(2)} % right, ${((100 * tcp.wrong) / all).toFixed(2)} % wrong of ${all}`,
      ...scores.errors.slice(0, 20),
      readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => line.includes('by evidence'))
        .at(-1) ?? '',
    ]);
  } finally {
    execFileSync('sysctl', ['-qw', `${RECEIVE_BUFFER}=${buffer}`]);
    generator.stop();
    watcher.kill('SIGKILL');
    host.signal('osqueryd', 'SIGTERM');
    await pause(3_000);
    await host.close();
    if (environment['KEEP']) {
      await writeFile(join(directory, 'extension.log'), host.log);
      print([`kept: ${directory}`]);
    } else await rm(directory, { recursive: true, force: true });
  }
}

const zeek = findZeek(environment);
const osqueryd = findOsqueryd(environment);
if (!zeek || osqueryd.standIn || process.getuid?.() !== 0) {
  print(['not measured: it needs root, a real Zeek and a real osqueryd (set ZEEK and OSQUERYD)']);
} else {
  process.env['OSQUERYD'] = osqueryd.command[0];
  const which = environment['AUDIT'];
  if (which !== 'off') await measure(true, zeek.program);
  if (which !== 'only') await measure(false, zeek.program);
}
