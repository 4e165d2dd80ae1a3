import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startBro } from '../support/bro.ts';
import { eventually } from '../support/eventually.ts';
import { sampleHost } from '../support/sample-host.ts';
import { connectHost } from '../support/spec-host.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

function program(args: readonly string[]): { child: ChildProcess; text: () => string } {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (text += chunk));
  return { child, text: () => text };
}

async function ended(args: readonly string[]): Promise<{ code: number | null; text: string }> {
  const { child, text } = program(args);
  await once(child, 'close');
  return { code: child.exitCode, text: text() };
}

function folder(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'gateway-spec-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function fetchText(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/metrics' }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve(text));
    }).on('error', reject);
  });
}

test('a gateway runs by its configuration file, is asked how it stands, writes its audit log, and ends in good order', async (t) => {
  const bro = await startBro(t);
  const directory = folder(t);
  const audit = join(directory, 'audit.jsonl');
  const config = join(directory, 'gateway.json');
  writeFileSync(
    config,
    JSON.stringify({
      zeek: bro.address,
      listen: '127.0.0.1:0',
      audit_log: audit,
      state_dir: directory,
      colour: 1,
    }),
  );
  const running = program(['gateway', '--config', config, '--metrics', '127.0.0.1:0', '--name', 'spec']);
  t.after(() => running.child.kill('SIGKILL'));
  const port = () => Number(/listens for hosts on 127\.0\.0\.1:(\d+)/.exec(running.text())?.[1] ?? 0);
  await eventually('it listens', () => port() > 0);
  assert.match(running.text(), /gateway\.colour: unknown key, ignored/);
  const host = await connectHost(t, port(), 'zeek-osquery', sampleHost());
  await bro.announced();
  bro.subscribe('SELECT 1 AS a');
  await host.untilRequests(1);

  const status = await ended(['status', '--gateway', '--state-dir', directory]);
  assert.equal(status.code, 0);
  assert.match(
    status.text,
    /gateway spec, version .*\nZeek .*: up over tls-anonymous\nhosts +1 connected, listening on port \d+/,
  );
  const json = await ended(['status', '--gateway', '--state-dir', directory, '--json']);
  assert.equal(JSON.parse(json.text).hosts, 1);

  const doctor = await ended(['doctor', '--gateway', '--state-dir', directory, '--config', config]);
  assert.match(doctor.text, /ok +the Zeek .* is connected.*\n.*1 host connected/);
  assert.match(doctor.text, /warning +gateway\.colour: unknown key/);
  assert.equal(doctor.code, 0);

  const metrics = Number(/metrics on http:\/\/127\.0\.0\.1:(\d+)/.exec(running.text())?.[1]);
  assert.match(await fetchText(metrics), /^bro_osquery_gateway_hosts 1$/m);

  await eventually('the audit log is written', () => readFileSync(audit, 'utf8').includes('SELECT 1 AS a'));
  const [line = ''] = readFileSync(audit, 'utf8').split('\n');
  assert.equal(JSON.parse(line).request, 'subscribe');

  running.child.kill('SIGTERM');
  await once(running.child, 'close');
  assert.equal(running.child.exitCode, 0);
  await host.recorded.closing();
  const after = await ended(['status', '--gateway', '--state-dir', directory]);
  assert.equal(after.code, 3);
  const sick = await ended(['doctor', '--gateway', '--state-dir', directory]);
  assert.match(sick.text, /problem +no gateway runs over/);
  assert.equal(sick.code, 1);
});

test('settings that make no sense are told, each with its place', async (t) => {
  const directory = folder(t);
  const config = join(directory, 'gateway.json');
  writeFileSync(
    config,
    JSON.stringify({ listen: 'ws://0.0.0.0', identity: { from: 'cn' }, limits: { hosts: 0 } }),
  );
  const first = await ended(['gateway', '--config', config]);
  assert.equal(first.code, 1);
  assert.match(first.text, /gateway\.limits\.hosts: expected a whole number of at least 1, got 0/);
  writeFileSync(config, JSON.stringify({ listen: 'ws://0.0.0.0', identity: { from: 'cn' } }));
  const { code, text } = await ended(['gateway', '--config', config]);
  assert.equal(code, 1);
  for (const problem of [
    /gateway\.zeek: expected/,
    /gateway\.listen: hosts reach/,
    /gateway\.identity\.from: cn wants/,
  ])
    assert.match(text, problem);
  assert.equal((await ended(['gateway', '--config', join(directory, 'none')])).code, 1);
});
