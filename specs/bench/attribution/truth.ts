import { readFileSync } from 'node:fs';

/** A connection that a generator made: who opened it and who may rightly be told to serve it. */
export interface Truth {
  readonly kind: string;
  readonly proto: 'tcp' | 'udp';
  readonly clientPort: number;
  readonly serverPort: number;
  /** The process that opened it. */
  readonly pid: number;
  /** The processes that accepted it, or were handed it. */
  readonly servers: readonly number[];
  /** Milliseconds from the beginning to the end, as its maker saw it. */
  readonly lived: number;
}

/** What conn.log says of a connection. */
export interface Logged {
  readonly proto: string;
  readonly clientPort: number;
  readonly serverPort: number;
  readonly ts: number;
  readonly duration: number;
  readonly origPid: number | undefined;
  readonly origEvidence: string;
  readonly respPid: number | undefined;
  readonly respEvidence: string;
}

export function readConnLog(path: string): Logged[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => {
      const row = JSON.parse(line) as Record<string, string | number | undefined>;
      return {
        proto: String(row['proto']),
        clientPort: Number(row['id.orig_p']),
        serverPort: Number(row['id.resp_p']),
        ts: Number(row['ts']),
        duration: Number(row['duration'] ?? 0),
        origPid: row['orig_pid'] === undefined ? undefined : Number(row['orig_pid']),
        origEvidence: String(row['orig_attribution'] ?? 'none'),
        respPid: row['resp_pid'] === undefined ? undefined : Number(row['resp_pid']),
        respEvidence: String(row['resp_attribution'] ?? 'none'),
      };
    })
    .sort((a, b) => a.ts - b.ts);
}

/** Answers of one kind of case or of evidence. */
export interface Score {
  right: number;
  wrong: number;
  none: number;
}

export interface Scores {
  readonly originators: ReadonlyMap<string, Score>;
  readonly responders: ReadonlyMap<string, Score>;
  readonly evidence: ReadonlyMap<string, Score>;
  /** Connections that Zeek did not log, or not yet. */
  readonly missing: number;
  /** The wrong ones, to look into. */
  readonly errors: readonly string[];
}

/** Holds conn.log against the truth. Of connections with the same ports the order tells which is which. */
export function score(truth: readonly Truth[], log: readonly Logged[]): Scores {
  const key = (one: Truth | Logged) => `${one.proto} ${one.clientPort} ${one.serverPort}`;
  const logged = new Map<string, Logged[]>();
  for (const one of log) logged.set(key(one), [...(logged.get(key(one)) ?? []), one]);
  const originators = new Map<string, Score>();
  const responders = new Map<string, Score>();
  const evidence = new Map<string, Score>();
  const errors: string[] = [];
  let missing = 0;
  const note = (scores: Map<string, Score>, name: string, verdict: keyof Score) => {
    const found = scores.get(name) ?? { right: 0, wrong: 0, none: 0 };
    found[verdict] += 1;
    scores.set(name, found);
  };
  for (const one of truth) {
    const line = logged.get(key(one))?.shift();
    if (!line) {
      missing += 1;
      continue;
    }
    const orig = line.origPid === undefined ? 'none' : line.origPid === one.pid ? 'right' : 'wrong';
    const resp = line.respPid === undefined ? 'none' : one.servers.includes(line.respPid) ? 'right' : 'wrong';
    note(originators, one.kind, orig);
    note(responders, one.kind, resp);
    note(evidence, `originator, ${line.origEvidence}`, orig);
    note(evidence, `responder, ${line.respEvidence}`, resp);
    if (orig === 'wrong' || resp === 'wrong')
      errors.push(`${one.kind}: ${JSON.stringify(one)} logged as ${JSON.stringify(line)}`);
  }
  return { originators, responders, evidence, missing, errors };
}

/** Sums of all kinds for which the condition holds. */
export function total(scores: ReadonlyMap<string, Score>, which: (kind: string) => boolean): Score {
  const sum = { right: 0, wrong: 0, none: 0 };
  for (const [kind, one] of scores) {
    if (!which(kind)) continue;
    sum.right += one.right;
    sum.wrong += one.wrong;
    sum.none += one.none;
  }
  return sum;
}

export function formatScores(title: string, scores: ReadonlyMap<string, Score>): string[] {
  const percent = (n: number, of: number) => `${((100 * n) / Math.max(1, of)).toFixed(1)} %`.padStart(8);
  return [
    '',
    `${title.padEnd(34)}  number   right   wrong    none`,
    ...[...scores].map(([kind, { right, wrong, none }]) => {
      const all = right + wrong + none;
      return `${kind.padEnd(34)}${String(all).padStart(8)}${percent(right, all)}${percent(wrong, all)}${percent(none, all)}`;
    }),
  ];
}
