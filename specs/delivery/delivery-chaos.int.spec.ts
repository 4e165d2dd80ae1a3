import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { DeliveryCounts } from '../../src/delivery/delivery-counts.ts';
import { accountErrors, batchLine } from '../support/delivery-harness.ts';
import { SeededRandom } from '../support/random.ts';
import { RowAudit } from '../support/row-audit.ts';
import { onLines } from '../support/socket-lines.ts';

// `CHAOS_SEED=… CHAOS_ROUNDS=… node --import tsx --test specs/delivery/delivery-chaos.int.spec.ts` plays more, or one again.
const SEED = Number(process.env['CHAOS_SEED'] ?? Date.now() % 2 ** 31);
const ROUNDS = Number(process.env['CHAOS_ROUNDS'] ?? 4);
const FAULTS = ['kill', 'stop', 'cut a', 'cut b', 'stall a', 'stall b', 'calm'] as const;
const SUBSCRIPTIONS = { a: ['a1', 'a2'], b: ['b1'] } as const;

/** A Bro at a socket: audits what comes, confirms, can stall and cut. */
class SocketBro {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(peer: 'a' | 'b', path: string, audit: RowAudit) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      for (const subscription of SUBSCRIPTIONS[peer]) audit.link(subscription);
      socket.on('close', () => this.#sockets.delete(socket));
      onLines(socket, (line) => {
        if (socket.destroyed) return;
        const message: unknown = JSON.parse(line);
        if (message === 'confirm') socket.write('confirmed\n');
        else if (Array.isArray(message)) audit.arrived(String(message[0]), Number(message[1]));
      });
    }).listen(path);
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  stall(stalled: boolean): void {
    for (const socket of this.#sockets) stalled ? socket.pause() : socket.resume();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}

/** The process with the courier, started anew whenever it was killed. */
class DeliveryProcess {
  readonly #directory: string;
  readonly #sockets: string;
  #child: ChildProcess | undefined;
  #intake: Socket | undefined;
  #answers: ((line: string | undefined) => void)[] = [];

  constructor(directory: string, sockets: string) {
    this.#directory = directory;
    this.#sockets = sockets;
  }

  async start(): Promise<void> {
    const script = join(import.meta.dirname, '../support/delivery-child.ts');
    const child = spawn(process.execPath, ['--import', 'tsx', script, this.#directory, this.#sockets], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    await new Promise((resolve, reject) => {
      child.stdout?.once('data', resolve);
      child.once('exit', (code) => reject(new Error(`the process ended with ${code}`)));
    });
    const intake = createConnection(join(this.#sockets, `intake-${child.pid}`));
    const answers: ((line: string | undefined) => void)[] = [];
    onLines(intake, (line) => answers.shift()?.(line));
    intake.on('close', () => {
      for (const answer of answers.splice(0)) answer(undefined);
    });
    this.#answers = answers;
    this.#intake = intake;
  }

  /** @returns the answer, or undefined if the process died before it gave one */
  ask(line: string): Promise<string | undefined> {
    const intake = this.#intake;
    if (!intake || intake.destroyed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#answers.push(resolve);
      intake.write(`${line}\n`);
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const end = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await end;
    this.#intake?.destroy();
  }
}

test(`rows survive kills, stops, cuts and stalls (seed ${SEED}, ${ROUNDS} rounds)`, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'chaos-'));
  const random = new SeededRandom(SEED);
  const audit = new RowAudit();
  const bros = {
    a: new SocketBro('a', join(directory, 'bro-a'), audit),
    b: new SocketBro('b', join(directory, 'bro-b'), audit),
  };
  const delivery = new DeliveryProcess(join(directory, 'state'), directory);
  try {
    await delivery.start();
    for (let round = 0; round < ROUNDS; round += 1) {
      const producing = produce(delivery, audit, random);
      for (let faults = random.between(1, 4); faults > 0; faults -= 1) {
        await pause(random.between(1, 30));
        await fault(random.pick(FAULTS), bros, delivery, random);
      }
      await producing;
    }
    for (const bro of Object.values(bros)) bro.stall(false);
    for (;;) {
      const answer = await delivery.ask('settled');
      if (answer === undefined) continue;
      const counts: DeliveryCounts[] = JSON.parse(answer);
      assert.deepEqual(accountErrors(counts), []);
      assert.ok(counts.every(({ dropped, refused }) => dropped === 0 && refused === 0));
      if (counts.every(({ pending }) => pending === 0)) break;
      await pause(10);
    }
    assert.deepEqual(audit.verdict(), { lost: [], invented: [], disordered: [] });
    assert.ok(audit.rows > ROUNDS * 10);
  } finally {
    await delivery.kill();
    for (const bro of Object.values(bros)) bro.close();
    await rm(directory, { recursive: true, force: true });
  }
});

/** Hands lines over one after another, as osquery does; one that isn't answered may or may not have been taken. */
async function produce(delivery: DeliveryProcess, audit: RowAudit, random: SeededRandom): Promise<void> {
  const own = new SeededRandom(random.between(1, 2 ** 31));
  for (let lines = own.between(20, 120); lines > 0; lines -= 1) {
    const name = own.pick(['a1', 'a2', 'b1']);
    const rows = audit.produce(name, own.between(1, 30));
    const answer = await delivery.ask(
      JSON.stringify(batchLine(name, { added: rows.map(String) }).toString()),
    );
    if (answer === 'ok') audit.answered(name, rows);
    else await pause(1);
  }
}

async function fault(
  what: (typeof FAULTS)[number],
  bros: { readonly a: SocketBro; readonly b: SocketBro },
  delivery: DeliveryProcess,
  random: SeededRandom,
): Promise<void> {
  switch (what) {
    case 'kill':
      await delivery.kill();
      return delivery.start();
    case 'stop':
      delivery.signal('SIGSTOP');
      await pause(random.between(1, 30));
      return delivery.signal('SIGCONT');
    case 'cut a':
    case 'cut b': {
      // What has arrived and was not read yet is lost with the connection.
      const bro = what === 'cut a' ? bros.a : bros.b;
      bro.stall(true);
      await pause(random.between(1, 20));
      return bro.cut();
    }
    case 'stall a':
    case 'stall b': {
      const bro = what === 'stall a' ? bros.a : bros.b;
      bro.stall(true);
      await pause(random.between(1, 30));
      return bro.stall(false);
    }
    case 'calm':
      await pause(random.between(1, 30));
  }
}
