import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { MessageReader, type ThriftMessage } from '../../src/sandbox/osqueryd/thrift/binary-reader.ts';
import { numberField, structField } from '../../src/sandbox/osqueryd/thrift/messages.ts';
import { OsqueryProbe, type ProbeCall, toAnswer } from '../support/osquery-probe.ts';
import { standin } from '../support/standin.ts';
import type { VirtualClock } from '../support/virtual-clock.ts';

/**
 * The recordings of a real osqueryd played against the stand-in: a probe sends what the recorded extension
 * sent, when it sent it, and answers what it answered; the stand-in has to say, byte for byte, what osqueryd
 * said, and to call what osqueryd called.
 */
interface Scenario {
  readonly name: string;
  /** Milliseconds of the epoch at t = 0, from the recording's log lines. */
  readonly epoch: number;
  readonly flags: readonly string[];
  /** What osqueryd's random numbers gave. */
  readonly uuids: readonly number[];
}

interface Recorded {
  readonly t: number;
  readonly sock: 'manager' | 'extension';
  readonly conn: number;
  readonly dir: 'c>s' | 's>c';
  readonly name: string;
  readonly raw: string;
}

const COMMON = [
  '--disable_watchdog',
  '--verbose',
  '--logger_plugin=probe',
  '--extensions_require=probe',
  '--extensions_timeout=10',
  '--config_plugin=update',
];

const SCENARIOS: readonly Scenario[] = [
  { name: 's01_basic_update', epoch: 1795496673770, flags: COMMON, uuids: [11019] },
  {
    name: 's06_batch',
    epoch: 1795496730518,
    flags: [...COMMON, '--logger_event_type=false'],
    uuids: [42468],
  },
  { name: 's07_snapshot', epoch: 1795496744730, flags: COMMON, uuids: [30674] },
  {
    name: 's07b_snapshot_events',
    epoch: 1795496751182,
    flags: [...COMMON, '--logger_snapshot_event_type=true'],
    uuids: [17867],
  },
  {
    name: 's11b_clean_reregister',
    epoch: 1795496673681,
    flags: COMMON,
    uuids: [21795, 52165, 40807, 20449, 27812, 19688, 53000, 33554, 50114],
  },
  { name: 's12_bad_updates', epoch: 1795496690126, flags: COMMON, uuids: [10801] },
  {
    name: 's16_all_plugins',
    epoch: 1795496807812,
    flags: [
      ...COMMON.filter((flag) => !/config_plugin|timeout/.test(flag)),
      '--config_plugin=probe_conf',
      '--config_refresh=4',
      '--distributed_plugin=probe_dist',
      '--disable_distributed=false',
      '--distributed_interval=3',
      '--extensions_timeout=5',
    ],
    uuids: [4995],
  },
];

for (const scenario of SCENARIOS) {
  test(`the stand-in says what osqueryd said in ${scenario.name}`, (t) => replay(t, scenario));
}

async function replay(t: TestContext, scenario: Scenario): Promise<void> {
  const recorded = readRecorded(scenario.name);
  const uuids = [...scenario.uuids];
  const random = () => ((uuids.shift() ?? 1) - 0.5) / 65_535;
  const { clock, osqueryd, socket } = standin(t, scenario.flags, { now: scenario.epoch + 100, random });
  const replies = recordedReplies(recorded);
  const probe = new OsqueryProbe({
    manager: socket,
    touch: () => clock.touch(),
    answer: async (call) => {
      const reply = replies.get(kindOf(call))?.shift();
      if (!reply) return { status: { code: 0, message: 'OK', uuid: 0 }, response: [] };
      await clock.sleep(scenario.epoch + reply.t * 1000 - clock.now());
      return Buffer.from(reply.raw, 'base64');
    },
  });
  void osqueryd.start();
  const manager = new ManagerConnections(socket, () => clock.touch());
  t.after(async () => {
    manager.close();
    await probe.die();
  });
  const differences: unknown[] = [];
  for (const message of recorded) {
    if (message.sock !== 'manager' || message.dir !== 'c>s') continue;
    await clock.advanceTo(scenario.epoch + message.t * 1000);
    const reply = await patiently(clock, manager.send(message.conn, Buffer.from(message.raw, 'base64')));
    const expected = replyOf(recorded, message);
    if (message.name === 'registerExtension' && statusUuid(reply) > 0) {
      await probe.die();
      await probe.serve(statusUuid(reply));
    }
    if (expected && !alike(reply, expected))
      differences.push([describe(message), describe(reply), describe(expected)]);
  }
  const last = recorded.at(-1)?.t ?? 0;
  await clock.advanceTo(scenario.epoch + last * 1000);
  assert.deepEqual(differences, []);
  // Some recordings hold the manager's side only.
  const calls = recordedCalls(recorded);
  if (calls.length === 0) return;
  const [own, theirs] = [withoutStatus(probe.calls), withoutStatus(calls)];
  assert.deepEqual(
    own,
    theirs.map((call, at) => weakened(call, own[at])),
  );
  const messages = recorded.filter(({ dir, sock }) => sock === 'extension' && dir === 'c>s');
  if (!messages.some(({ name }) => name === 'ping')) return;
  // Pings included, in the same order, each message on a connection of its own.
  const sequence = messages.filter(({ name }) => name !== 'shutdown').map(({ name }) => [name]);
  assert.deepEqual(probe.connections.slice(0, sequence.length), sequence);
  osqueryd.stop();
  assert.equal(await osqueryd.ended, 0);
  assert.equal(probe.shutdowns, 1);
}

/** Waits for a reply that may itself wait for time to pass. */
async function patiently(clock: VirtualClock, reply: Promise<Recorded>): Promise<Recorded> {
  let arrived = false;
  void reply.finally(() => {
    arrived = true;
  });
  for (let waited = 0; waited < 5000; waited += 1) {
    await clock.quiet();
    if (arrived) return await reply;
    await clock.advance(1);
  }
  throw new Error('no reply within 5 s of the recording');
}

function readRecorded(name: string): Recorded[] {
  const path = join(import.meta.dirname, '../../fixtures/osquery', `${name}.jsonl`);
  const [, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  return lines.map((line): Recorded => JSON.parse(line));
}

/** Replies of the recorded extension by the kind of call, in order. */
function recordedReplies(recorded: readonly Recorded[]): Map<string, Recorded[]> {
  const replies = new Map<string, Recorded[]>();
  for (const message of recorded) {
    if (message.sock !== 'extension' || message.dir !== 'c>s' || message.name !== 'call') continue;
    const reply = replyOf(recorded, message);
    const kind = kindOf(callOf(message));
    if (reply) replies.set(kind, [...(replies.get(kind) ?? []), reply]);
  }
  return replies;
}

function recordedCalls(recorded: readonly Recorded[]): ProbeCall[] {
  return recorded
    .filter(({ dir, name, sock }) => sock === 'extension' && dir === 'c>s' && name === 'call')
    .map(callOf);
}

function callOf(message: Recorded): ProbeCall {
  const { body } = decode(message.raw);
  const request = body.get(3) as readonly (readonly [string, string])[];
  return { registry: String(body.get(1)), item: String(body.get(2)), request: Object.fromEntries(request) };
}

function kindOf({ registry, item, request }: ProbeCall): string {
  return [registry, item, ...Object.keys(request), request['action'] ?? ''].join(' ');
}

function replyOf(recorded: readonly Recorded[], request: Recorded): Recorded | undefined {
  const after = recorded.slice(recorded.indexOf(request) + 1);
  return after.find(({ conn, dir, sock }) => dir === 's>c' && sock === request.sock && conn === request.conn);
}

/** Status lines speak of parts that the stand-in hasn't; what they say of the rest is compared elsewhere. */
function withoutStatus(calls: readonly ProbeCall[]): ProbeCall[] {
  return calls.filter(({ request }) => request['status'] === undefined).map(normalised);
}

/** The stand-in may pass fewer conditions on to a table, never others. */
function weakened(expected: ProbeCall, own: ProbeCall | undefined): ProbeCall {
  const [theirs, ours] = [expected.request['context'], own?.request['context']];
  if (theirs === undefined || ours === undefined) return expected;
  const context: Context = JSON.parse(theirs);
  const passed: Context = JSON.parse(ours);
  const constraints = context.constraints.map((constraint, at) =>
    passed.constraints[at]?.list.length === 0 ? { ...constraint, list: [] } : constraint,
  );
  return {
    ...expected,
    request: { ...expected.request, context: JSON.stringify({ ...context, constraints }) },
  };
}

interface Context {
  readonly constraints: readonly { readonly name: string; readonly list: readonly unknown[] }[];
}

/** Times that queries took are the machine's. */
function normalised(call: ProbeCall): ProbeCall {
  const results = call.request['results'];
  if (results === undefined) return call;
  const cleaned = results.replace(/("(?:wall_time_ms|user_time|system_time|memory)"):\d+/g, '$1:0');
  return { ...call, request: { ...call.request, results: cleaned } };
}

function decode(raw: string): ThriftMessage {
  const [message] = new MessageReader().push(Buffer.from(raw, 'base64'));
  assert.ok(message);
  return message;
}

function describe(message: Recorded): unknown {
  const { body, name } = decode(message.raw);
  return name === 'options' ? [...optionFacts(message.raw)] : JSON.stringify(plain(body));
}

function plain(value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]));
  if (Array.isArray(value)) return value.map(plain);
  return typeof value === 'bigint' ? Number(value) : value;
}

/** Equal bytes, but for what is this machine's: the paths of flags and what osquery tells of its build. */
function alike(reply: Recorded, expected: Recorded): boolean {
  if (reply.raw === expected.raw) return true;
  if (reply.name === 'options') {
    assert.deepEqual(optionFacts(reply.raw), optionFacts(expected.raw));
    return true;
  }
  if (toAnswer(decode(expected.raw)).rows.some((row) => row['registry'] === 'table')) {
    assert.deepEqual(withoutTables(reply.raw), withoutTables(expected.raw));
    return true;
  }
  const [own] = toAnswer(decode(reply.raw)).rows;
  const [theirs] = toAnswer(decode(expected.raw)).rows;
  const machine = ['build_distro', 'discovery_cache_hits', 'path'].some(
    (name) => theirs?.[name] !== undefined,
  );
  return machine && own !== undefined && Object.keys(own).join() === Object.keys(theirs ?? {}).join();
}

/** Name, type and default of each flag; values where they are not of the machine or of the run. */
function optionFacts(raw: string): Map<string, unknown> {
  const options = decode(raw).body.get(0) as readonly (readonly [string, ReadonlyMap<number, string>])[];
  const own = new Set(['extensions_socket', 'extensions_autoload']);
  return new Map(
    options.map(([name, option]) => [
      name,
      [own.has(name) ? '' : option.get(1), option.get(2), option.get(3)],
    ]),
  );
}

/** Rows of osquery_registry but for tables, of which the stand-in has fewer. */
function withoutTables(raw: string): readonly unknown[] {
  return toAnswer(decode(raw)).rows.filter((row) => row['registry'] !== 'table');
}

function statusUuid(reply: Recorded): number {
  return numberField(structField(decode(reply.raw).body, 0) ?? new Map(), 3);
}

/** Connections to the manager, one for each that was recorded. */
class ManagerConnections {
  readonly #path: string;
  readonly #touch: () => void;
  readonly #sockets = new Map<number, { socket: Socket; reader: MessageReader }>();

  constructor(path: string, touch: () => void) {
    this.#path = path;
    this.#touch = touch;
  }

  send(conn: number, request: Buffer): Promise<Recorded> {
    const known = this.#sockets.get(conn) ?? { socket: connect(this.#path), reader: new MessageReader() };
    this.#sockets.set(conn, known);
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      const { socket, reader } = known;
      socket.removeAllListeners('data').removeAllListeners('error');
      socket.on('error', reject);
      socket.on('data', (chunk: Buffer) => {
        this.#touch();
        chunks.push(chunk);
        const [message] = reader.push(chunk);
        if (!message) return;
        const raw = Buffer.concat(chunks).toString('base64');
        resolve({ t: 0, sock: 'manager', conn, dir: 's>c', name: message.name, raw });
      });
      socket.write(request);
    });
  }

  close(): void {
    for (const { socket } of this.#sockets.values()) socket.destroy();
  }
}
