import { setTimeout as sleep } from 'node:timers/promises';
import { findOsqueryd } from '../demo/programs.ts';
import { Troupe } from '../demo/troupe.ts';
import { type Io, printLine } from '../io.ts';

/** What the Zeek of the sandbox wants, so that there is something to see. */
const WANTED = ['SELECT pid, name, path, uid FROM processes', 'SELECT uid, username FROM users'];
const ONCE = 'SELECT name, version, platform FROM os_version';

/** Milliseconds that a Zeek stays away, and that it is there. */
const AWAY = 8_000;
const THERE = 30_000;

/**
 * Runs osqueryd (the one on this machine, or the stand-in), a Zeek's stand-in that comes and goes, and the extension
 * with its page, until the user has had enough.
 */
export async function runSandbox(io: Io, port: number): Promise<void> {
  const troupe = new Troupe(() => {});
  const ask = ['--interval', '2', ...WANTED.flatMap((sql) => ['--subscribe', sql]), '--execute', ONCE];
  try {
    let bro = await troupe.startBro(ask);
    const broPort = await bro.words.find(
      ({ type, port: own }) => (type === 'listening' ? own : undefined),
      io.interrupted,
    );
    const osqueryd = findOsqueryd(process.env);
    await printLine(io.err, `osqueryd is ${osqueryd.description}.`);
    await troupe.startOsqueryd(osqueryd, broPort);
    await troupe.startExtension(['--inspect', `127.0.0.1:${port}`]);
    await printLine(io.out, `http://127.0.0.1:${port}/`);
    await printLine(
      io.err,
      'Open this address in a browser. The Zeek leaves each half minute and comes back; Ctrl-C ends it all.',
    );
    while (!io.interrupted.aborted) {
      await sleep(THERE, undefined, { signal: io.interrupted });
      bro.child.kill();
      await sleep(AWAY, undefined, { signal: io.interrupted });
      bro = await troupe.startBro([...ask, '--listen', `127.0.0.1:${broPort}`]);
    }
  } catch (error) {
    if (!io.interrupted.aborted) throw error;
  } finally {
    await troupe.dismiss();
  }
}
