import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

interface Ended {
  readonly code: number | null;
  readonly printed: string;
  readonly told: string;
}

interface Demo {
  readonly pid: number;
  readonly printed: () => string;
  readonly ended: Promise<Ended>;
  readonly interrupt: () => void;
  /** Command lines of its processes that still run, but for itself. */
  readonly running: () => readonly string[];
  /** What it has left in the folder for temporary files. */
  readonly left: () => readonly string[];
}

/** Runs the demo as users do; on a slow machine with more patience. */
function runDemo(t: TestContext, environment: Readonly<Record<string, string>>): Demo {
  const temporary = mkdtempSync(join(tmpdir(), 'demo-spec-'));
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, 'demo', '--patience', '120'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
      TMPDIR: temporary,
      ZEEK: 'none',
      ...environment,
    },
  });
  t.after(() => {
    child.kill('SIGKILL');
    rmSync(temporary, { recursive: true, force: true });
  });
  let printed = '';
  let told = '';
  child.stdout.on('data', (chunk) => {
    printed += chunk;
  });
  child.stderr.on('data', (chunk) => {
    told += chunk;
  });
  return {
    pid: child.pid ?? 0,
    printed: () => printed,
    ended: new Promise((resolve) => child.once('close', (code) => resolve({ code, printed, told }))),
    interrupt: () => child.kill('SIGTERM'),
    running: () =>
      readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .map(commandLine)
        .filter((words) => words.includes(temporary)),
    left: () => readdirSync(temporary).filter((name) => name.startsWith('bro-osquery-demo')),
  };
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

describe('bro-osquery demo', () => {
  test('shows the whole way from a Zeek to osquery and back, and leaves nothing behind', async (t) => {
    const demo = runDemo(t, { OSQUERYD: '' });
    const { code, printed, told } = await demo.ended;
    assert.equal(code, 0, printed + told);
    const scenes = printed.split('\n').flatMap((line) => /^ +\d\. (.*)/.exec(line)?.[1] ?? []);
    assert.deepEqual(scenes, [
      '`bro-osquery bro` listens in place of a Zeek',
      'osqueryd starts, and the extension registers with it',
      'The host announces itself to the Zeek',
      "The subscription is in osquery's schedule",
      'The one-time query is answered',
      'The rows of the first run arrive: all processes',
      'A process starts and ends, and the Zeek gets both rows',
      'The Zeek unsubscribes and disconnects',
    ]);
    assert(printed.includes(`Host ${hostname()} is connected`), printed);
    assert.match(printed, /its groups: demo\./);
    assert.match(printed, /bro_\w+_1 {2}every 1 s {2}SELECT pid, name, path, uid FROM processes/);
    const [, pid] = /started process (\d+), sleep/.exec(printed) ?? [];
    assert.match(printed, new RegExp(`ADDED {4}pid=${pid} {2}name=sleep`));
    assert.match(printed, new RegExp(`REMOVED {2}pid=${pid} {2}name=sleep`));
    assert(!printed.includes('\u001b'), 'no colours where no terminal watches');
    assert.deepEqual([demo.running(), demo.left()], [[], []]);
  });

  test('fails with the reason and the last output of its processes when osqueryd does not stay', async (t) => {
    const demo = runDemo(t, { OSQUERYD: '/bin/false' });
    const { code, printed, told } = await demo.ended;
    assert.equal(code, 1);
    assert.match(told, /the demo failed: osqueryd exited unexpectedly with exit code 1/);
    assert.match(printed, /Last output of osqueryd \(exit code 1\):/);
    assert.deepEqual([demo.running(), demo.left()], [[], []]);
  });

  test('says so when OSQUERYD names no program', async (t) => {
    const { code, told } = await runDemo(t, { OSQUERYD: '/nowhere/osqueryd' }).ended;
    assert.equal(code, 1);
    assert.match(told, /OSQUERYD names \/nowhere\/osqueryd, which is not an executable/);
  });

  test('takes its processes along when it is interrupted', async (t) => {
    const demo = runDemo(t, { OSQUERYD: '' });
    await t.waitFor(() => assert.match(demo.printed(), /announces itself/), {
      interval: 20,
      timeout: 60_000,
    });
    assert(demo.running().length >= 2);
    demo.interrupt();
    const { code, told } = await demo.ended;
    assert.equal(code, 1);
    assert.match(told, /interrupted/);
    assert.deepEqual([demo.running(), demo.left()], [[], []]);
  });

  test('takes a real Zeek where there is one, with the package of this version', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'demo-zeek-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const zeek = join(folder, 'zeek');
    const tsx = join(import.meta.dirname, '../../node_modules/tsx/dist/loader.mjs');
    const standin = join(import.meta.dirname, '../support/standin-zeek.ts');
    writeFileSync(zeek, `#!/bin/sh\nexec '${process.execPath}' --import '${tsx}' '${standin}' "$@"\n`, {
      mode: 0o755,
    });
    const demo = runDemo(t, { OSQUERYD: '', ZEEK: zeek });
    const { code, printed, told } = await demo.ended;
    assert.equal(code, 0, printed + told);
    assert.ok(printed.includes(`It is the real Zeek, ${zeek}, from ZEEK.`));
    assert.match(printed, /REMOVED {2}pid=\d+ {2}name=sleep/);
    assert.match(printed, /It unsubscribed\.\n/);
    assert.deepEqual([demo.running(), demo.left()], [[], []]);
  });

  const real = process.env['ZEEK'] ?? '';
  const skip = real === '' && 'ZEEK names no real Zeek';

  test('goes the whole way with a real Zeek', { skip }, async (t) => {
    const demo = runDemo(t, { OSQUERYD: process.env['OSQUERYD'] ?? '', ZEEK: real });
    const { code, printed, told } = await demo.ended;
    assert.equal(code, 0, printed + told);
    assert.match(printed, /REMOVED {2}pid=\d+ {2}name=sleep/);
    assert.deepEqual([demo.running(), demo.left()], [[], []]);
  });
});
