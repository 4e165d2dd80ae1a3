import assert from 'node:assert/strict';
import { copyFile, cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Command } from 'commander';
import { logCommand } from '../../src/cli/log.ts';
import { replayCommand } from '../../src/cli/replay.ts';
import { surroundings } from '../support/cli-io.ts';
import { logOptions, OwnedLog, temporaryDirectory } from '../support/event-logs.ts';
import { fact } from '../support/schedule-builders.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/event-log');
const LAST_NIGHT = join(FIXTURES, 'last-night');

async function run(args: readonly string[], around = surroundings()): Promise<typeof around> {
  const program = new Command()
    .exitOverride()
    .configureOutput({ writeErr: (text) => around.io.err.write(text) })
    .addCommand(replayCommand(around.io))
    .addCommand(logCommand(around.io));
  for (const command of program.commands) command.exitOverride().copyInheritedSettings(program);
  await program.parseAsync(args, { from: 'user' });
  return around;
}

describe('bro-osquery replay', () => {
  test('answers why a query stopped last night', async () => {
    const { printed } = await run(['replay', LAST_NIGHT, '--explain', 'process_open_sockets']);
    assert.equal(
      printed(),
      `bro_7a3e5c19_2: 'SELECT pid, local_port, remote_address FROM process_open_sockets' every 10 s (ADDED) for event socket_state of manager.example:9999
  It ended: manager.example:9999 reconnected and did not request it again within the resync window.
  2026-11-23 21:55:01.000Z  #7  manager.example:9999 subscribes 'SELECT pid, local_port, remote_address FROM process_open_sockets' every 10 s (ADDED) for event socket_state as bro_7a3e5c19_2, addressed to this host
  2026-11-23 21:55:31.000Z  #11  the resync window of manager.example:9999 closed: 3 kept, 0 ended
  2026-11-24 02:58:12.000Z  #19  manager.example:9999 disconnected: connection closed by the peer
  2026-11-24 03:12:03.000Z  #20  manager.example:9999 reconnected as another Zeek process, which has lost its state (tcp+tls)
  2026-11-24 03:12:33.000Z  #26  bro_7a3e5c19_2 'SELECT pid, local_port, remote_address FROM process_open_sockets' of manager.example:9999 ends: manager.example:9999 reconnected and did not request it again within the resync window
`,
    );
  });

  test('tells what happened until a moment, about one Zeek', async () => {
    const { printed } = await run([
      'replay',
      LAST_NIGHT,
      '--bro',
      'lab.example:9997',
      '--until',
      '2026-11-23T22:10:10',
    ]);
    assert.equal(
      printed(),
      `2026-11-23 22:10:00.000Z  #12  lab.example:9997 connected for the first time (websocket)
2026-11-23 22:10:00.000Z  #13  lab.example:9997 subscribes 'SELECT pid, name, cmdline FROM processes' every 10 s (BOTH) for event process_state as bro_7a3e5c19_4, addressed to this host  [request 1]
2026-11-23 22:10:01.000Z  #14  lab.example:9997 asks to subscribe 'SELECT * FROM proceses' every 10 s (BOTH) for event process_state and is refused: no such table: proceses (osquery)  [request 2]
`,
    );
  });

  test('tells only what is of a type, has a text, or comes from a moment on', async () => {
    const told = async (...filters: readonly string[]) => {
      const { printed, complained } = await run(['replay', LAST_NIGHT, ...filters]);
      return [...printed().matchAll(/#(\d+)/g)].map(([, seq]) => Number(seq)).join(' ') || complained();
    };
    assert.equal(await told('--type', 'QueryRefused'), '14');
    assert.equal(await told('--type', 'QueryRefused', '--type', 'LogStarted'), '1 14');
    assert.equal(await told('--text', 'PROCESES'), '14');
    assert.equal(await told('--since', '29'), '29 30 31');
    assert.equal(await told('--since', '2026-11-23T22:10:00', '--until', '14'), '12 13 14');
    assert.equal(await told('--since', '20', '--type', 'QueryRefused'), 'No record is of that kind.\n');
    await assert.rejects(told('--type', 'MoonRose'), /The types of facts are .*QueryRefused/);
  });

  test('names the Zeeks of the log where none is the one that is asked for', async () => {
    const { printed, complained } = await run(['replay', LAST_NIGHT, '--bro', 'nosuch']);
    assert.equal(printed(), '');
    assert.equal(
      complained(),
      'No record is about the Zeek nosuch. There are records about: lab.example:9997, manager.example:9999.\n',
    );
  });

  test('tells it as JSON, a line for each record', async () => {
    const { printed } = await run(['replay', LAST_NIGHT, '--json', '--until', '1']);
    assert.deepEqual(JSON.parse(printed()), {
      seq: 1,
      time: '2026-11-23T21:55:00.000Z',
      type: 'LogStarted',
      cause: null,
      data: { logId: '7a3e5c19-40cd-4e55-9c6f-2f1b8a4d9e10', reason: 'the log is new' },
      words: 'query names in osquery begin with bro_7a3e5c19 (the log is new)',
    });
  });

  test("shows osquery's config as it was", async () => {
    const { printed } = await run(['replay', LAST_NIGHT, '--schedule', '--until', '7']);
    assert.equal(
      printed(),
      `{
  "schedule": {
    "bro_7a3e5c19_1": {
      "query": "SELECT pid, name, cmdline FROM processes",
      "interval": 10,
      "startup_priority": 1
    },
    "bro_7a3e5c19_2": {
      "query": "SELECT pid, local_port, remote_address FROM process_open_sockets",
      "interval": 10,
      "startup_priority": 1,
      "removed": false
    }
  }
}
`,
    );
  });

  test('shows what changed between two moments', async () => {
    const { printed } = await run(['replay', LAST_NIGHT, '--diff', '2026-11-24..2026-11-24T03:12:33']);
    assert.equal(
      printed(),
      `- bro_7a3e5c19_1 'SELECT pid, name, cmdline FROM processes' every 10 s (BOTH) for event process_state of manager.example:9999
- bro_7a3e5c19_2 'SELECT pid, local_port, remote_address FROM process_open_sockets' every 10 s (ADDED) for event socket_state of manager.example:9999
- bro_7a3e5c19_3 'SELECT uid, username FROM users' every 60 s (BOTH) for event user_state of manager.example:9999
+ bro_7a3e5c19_6 'SELECT pid, name, cmdline FROM processes' every 10 s (BOTH) for event process_state of manager.example:9999
+ bro_7a3e5c19_7 'SELECT uid, username FROM users' every 60 s (BOTH) for event user_state of manager.example:9999
`,
    );
    assert.equal((await run(['replay', LAST_NIGHT, '--diff', '27..28'])).printed(), 'Nothing changed.\n');
    for (const range of [
      '30..7',
      '2026-11-24T03:12:33..7',
      '30..2026-11-23T22:10:10',
      '2026-11-24..2026-11-23',
    ]) {
      await assert.rejects(run(['replay', LAST_NIGHT, '--diff', range]), {
        code: 'bad-sequence',
        message: 'the moments of the range are in the wrong order: name the earlier one first',
      });
    }
  });

  test('reads one segment of it, and a stream, and says when the beginning is missing', async () => {
    const segment = join(LAST_NIGHT, 'event-log/segment-0000000000000018.jsonl');
    const beside = await run(['replay', segment, '--until', '18']);
    assert.equal(
      beside.printed(),
      "2026-11-23 23:40:00.000Z  #18  osquery's watchdog denylisted bro_7a3e5c19_4 'SELECT pid, name, cmdline FROM processes' of lab.example:9997 for using too many resources\n",
    );
    const alone = await run(
      ['replay', '-', '--until', '18'],
      surroundings({ stdin: await readFile(segment) }),
    );
    assert.equal(
      alone.printed(),
      "2026-11-23 23:40:00.000Z  #18  osquery's watchdog denylisted bro_7a3e5c19_4 of lab.example:9997 for using too many resources\n",
    );
    assert.equal(
      alone.complained(),
      'Earlier records were deleted: the state before the first one is unknown.\n',
    );
  });

  test('finds the beginning of a log in a copy of any name', async (t) => {
    const copy = join(await temporaryDirectory(t), 'copy');
    await copyFile(join(LAST_NIGHT, 'event-log/segment-0000000000000001.jsonl'), copy);
    const { printed, complained } = await run(['replay', copy, '--until', '1']);
    assert.match(printed(), /#1 .*the log is new\)\n$/);
    assert.equal(complained(), '');
  });

  test('says what a crash has left at the end', async () => {
    const torn = join(FIXTURES, 'torn.jsonl');
    const { printed, complained } = await run(['replay', torn]);
    assert.equal(printed().split('\n').length, 7);
    assert.equal(
      complained(),
      `Incomplete, as after a crash or during a write: 60 bytes at the end of ${torn}.
`,
    );
  });

  test('shows a record that only another version knows, and stops at a format that is yet to come', async () => {
    const { printed } = await run(['replay', join(FIXTURES, 'unknown-type.jsonl')]);
    assert.match(printed(), /#7 {2}MoonRose: not known to this version\n$/);
    await assert.rejects(run(['replay', join(FIXTURES, 'newer-format.jsonl')]), {
      code: 'newer-format',
      message: /^written in format 2 by a newer bro-osquery, this one reads up to 1; use the newer one/,
    });
    await assert.rejects(run(['replay', join(FIXTURES, 'damaged.jsonl')]), { code: 'bad-checksum' });
  });

  test('follows a log that is written, until the user has enough', async (t) => {
    const directory = await temporaryDirectory(t);
    const log = await OwnedLog.open(logOptions(directory));
    await log.append([fact(1, 'ExtensionStarted', { instanceId: 'i', version: '0.1.0' })]);
    const enough = new AbortController();
    const around = surroundings({ interrupted: enough.signal });
    around.io.out.on('data', () => {
      if (around.printed().includes('#2')) enough.abort();
      else void log.append([fact(2, 'ExtensionStopped', { reason: 'osqueryd asked' })]);
    });
    await run(['replay', directory, '--follow'], around);
    assert.match(around.printed(), /#2 {2}bro-osquery stops: osqueryd asked\n$/);
    await log.close();
  });

  test('gives the result of a trace that is cut off, and says where on standard error', async (t) => {
    const path = join(await temporaryDirectory(t), 'trace.jsonl');
    await writeFile(path, '{"kind":"head","format":1,"version":"1","at":0}\n{"kind":"mess');
    const { printed, complained } = await run(['replay', path, '--trace']);
    assert.match(printed(), /^0 steps of 0 machines, 0 messages: /);
    assert.match(complained(), /^The trace is truncated in line 2, after 13 characters, .*\n$/);
  });

  test('an invalid moment is refused with what one is', async () => {
    const around = surroundings();
    await assert.rejects(run(['replay', LAST_NIGHT, '--until', 'yesterday'], around), {
      code: 'commander.invalidArgument',
      message:
        /A moment is a sequence number \(4711\), a time \(2026-11-24T04:44, UTC\) or a time ago \(-90m\)\./,
    });
  });
});

describe('bro-osquery log', () => {
  test('verifies a log that is whole', async () => {
    const { printed } = await run(['log', 'verify', LAST_NIGHT]);
    assert.equal(
      printed(),
      `segment-0000000000000001.jsonl  5950 bytes  records 1 to 17
segment-0000000000000018.jsonl  3875 bytes  records 18 to 31
2 snapshots
Undamaged, up to record 31.
`,
    );
  });

  test('finds the damage, says where, fails, and repairs it with a copy kept', async (t) => {
    const state = await temporaryDirectory(t);
    await cp(LAST_NIGHT, state, { recursive: true });
    const segment = join(state, 'event-log/segment-0000000000000018.jsonl');
    const log = await OwnedLog.open(logOptions(join(state, 'event-log')));
    await log.close();
    const text = await readFile(segment, 'utf8');
    await writeFile(segment, text.replace('closed', 'cl0sed'));
    const around = surroundings();
    await assert.rejects(run(['log', 'verify', state], around), {
      message: `the event log in ${state} is damaged, see above`,
    });
    assert.match(
      around.printed(),
      /damaged: the record's checksum is wrong \(.*segment-0000000000000018\.jsonl, byte \d+\)\nUndamaged up to record 18\.\n$/,
    );
    const before = await readFile(segment, 'utf8');
    assert.match(
      (await run(['log', 'repair', state, '--until', '18', '--dry-run'])).printed(),
      /^Would keep the records up to 18\.\nWould cut \d{3,} of \d+ bytes off segment-0000000000000018\.jsonl\.\nWould remove snapshot-0000000000000031\.json, \d+ bytes\.\nNothing was changed\./,
    );
    assert.equal(await readFile(segment, 'utf8'), before);
    const { printed } = await run(['log', 'repair', state, '--until', '18']);
    assert.match(
      printed(),
      /^Kept the records up to 18\.\nChanged segment-0000000000000018\.jsonl, snapshot-0000000000000031\.json; the originals are in .*before-repair-20261124T000000Z\n$/,
    );
    assert.match((await run(['log', 'verify', state])).printed(), /Undamaged, up to record 19\.\n$/);
  });
});
