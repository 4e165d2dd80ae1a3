import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SimulationReport } from '../../src/cli/simulate/report.ts';
import { eventually } from '../support/eventually.ts';

/**
 * What the detections cost a real Zeek (ZEEK): its CPU while simulated hosts connect and are told their queries, and then
 * while it takes their rows at one rate, with logs and attribution alone, and with all detections, frameworks and policies
 * beside them. The rate must be one that Zeek keeps up with: the lag tells. BENCH_HOSTS (1000), BENCH_RATE (rows a second of
 * all hosts, 500), BENCH_SECONDS (40).
 */
const { ZEEK } = process.env;
const HOSTS = Number(process.env['BENCH_HOSTS'] ?? 1000);
const RATE = Number(process.env['BENCH_RATE'] ?? 500);
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 40);

const ROOT = join(import.meta.dirname, '../..');
const NONE = ['attribution', 'logging'];
const VARIANTS = {
  none: NONE,
  'all detections': [...NONE, 'detections'],
  'all detections, frameworks, policies and costs': [
    ...NONE,
    'detections',
    'frameworks',
    'policies',
    'query-costs',
  ],
};

/** Seconds of CPU that a process has used, and bytes of memory that it has. */
function usage(pid: number | undefined): { readonly cpu: number; readonly memory: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return { cpu: (Number(fields[11]) + Number(fields[12])) / 100, memory: Number(fields[21]) * 4096 };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function heard(child: ChildProcess): { text: string } {
  const output = { text: '' };
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output.text += chunk));
  return output;
}

async function measure(scripts: readonly string[]): Promise<{ share: number; text: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'detections-bench-'));
  const port = await freePort();
  const loads = ['native', ...scripts].map((script) => `@load osquery/${script}`);
  writeFileSync(
    join(directory, 'bench.zeek'),
    `${loads.join('\n')}
redef exit_only_after_terminate = T;
redef osquery::broker_ip = "127.0.0.1";
redef osquery::broker_port = ${port}/tcp;
redef Broker::disable_ssl = T;
event look()
	{
	local told = 0;
	for ( _, h in osquery::hosts::known )
		if ( h$syncs_queries && ( h$digest_sent != "" || h$digest_held != "" ) )
			++told;
	if ( told < ${HOSTS} )
		{
		schedule 1sec { look() };
		return;
		}
	print "settled";
	flush_all();
	}
event zeek_init() { schedule 1sec { look() }; }
event zeek_init() &priority=-30 { print "listening"; flush_all(); }
`,
  );
  const path = `${join(ROOT, 'zeek')}:`;
  const script = 'ZEEKPATH="$0"$("$(dirname "$1")"/zeek-config --zeekpath) exec "$@"';
  const zeek = spawn('sh', ['-c', script, path, ZEEK ?? '', 'bench.zeek'], { cwd: directory });
  const said = heard(zeek);
  try {
    await eventually('Zeek listens', () => said.text.includes('listening'), 120_000);
    const idle = usage(zeek.pid);
    const rate = ['--rows-per-minute', String((RATE * 60) / HOSTS), '--duration', '1000000'];
    const simulation = spawn(process.execPath, [
      ...['--import', 'tsx', join(ROOT, 'src/cli/main.ts'), 'simulate', '--vocabulary', 'zeek-osquery'],
      ...['--endpoint', `broker://127.0.0.1:${port}`, '--hosts', String(HOSTS), '--drain', '60', ...rate],
    ]);
    const told = heard(simulation);
    await eventually('all hosts have their queries', () => said.text.includes('settled'), 600_000);
    const settled = usage(zeek.pid);
    const { promise: passed, resolve } = Promise.withResolvers<void>();
    const from = Date.now();
    setTimeout(resolve, SECONDS * 1000);
    await passed;
    const after = usage(zeek.pid);
    const seconds = (Date.now() - from) / 1000;
    simulation.kill('SIGINT');
    await once(simulation, 'close');
    const line = told.text.split('\n').find((text) => text.startsWith('{'));
    if (line === undefined) throw new Error(`no report: ${told.text.slice(-500)}`);
    const { hosts, rows, lag_ms: lag } = JSON.parse(line) as SimulationReport;
    const share = (after.cpu - settled.cpu) / seconds;
    return {
      share,
      text:
        `${hosts.up_most} hosts connected and told for ${(((settled.cpu - idle.cpu) / HOSTS) * 1000).toFixed(1)} ms of CPU each; ` +
        `then ${(share * 100).toFixed(0)} % of a core at ${RATE} rows/s (${rows.confirmed} of ${rows.created} confirmed, lag p50 ${lag?.p50} ms), ` +
        `${(after.memory / 1024 ** 2).toFixed(0)} MiB`,
    };
  } finally {
    zeek.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}

if (!ZEEK) process.stdout.write('left out: no Zeek in ZEEK\n');
else {
  let base = 0;
  for (const [name, scripts] of Object.entries(VARIANTS)) {
    const { share, text } = await measure(scripts);
    base ||= share;
    process.stdout.write(`${name}: ${text}, ${(share / base).toFixed(2)} times the first\n`);
  }
}
process.exit(0);
