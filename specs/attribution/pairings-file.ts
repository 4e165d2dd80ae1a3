import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Connect, Evidence, Makers, Opened } from './pairing-model.ts';

export interface PairingCase extends Evidence {
  readonly name: string;
  /** What is to come out, by uid. */
  readonly expected: ReadonlyMap<string, Makers>;
}

const FILE = join(import.meta.dirname, '../../zeek/tests/attribution/pairings.txt');

/** The cases that the test of the Zeek package reads, too. */
export function readPairings(): PairingCase[] {
  const cases: PairingCase[] = [];
  let opened: Opened[] = [];
  let connects: Connect[] = [];
  let expected = new Map<string, Makers>();
  for (const line of readFileSync(FILE, 'utf8').split('\n')) {
    const [kind, a = '', b = '', c = '', d = ''] = line.split('|');
    if (kind === 'case') {
      opened = [];
      connects = [];
      expected = new Map();
      cases.push({ name: a, toldUntil: Number(b), seenUntil: Number(c), opened, connects, expected });
    } else if (kind === 'opened')
      opened.push({ uid: a, start: Number(b), sure: c === 'T', holder: d === '.' ? undefined : Number(d) });
    else if (kind === 'connect')
      connects.push({ pid: Number(a), earliest: Number(b), latest: Number(c), sure: d === 'T' });
    else if (kind === 'expect')
      expected.set(a, { pids: b === '.' ? [] : b.split(' ').map(Number), others: c === 'T' });
  }
  return cases;
}
