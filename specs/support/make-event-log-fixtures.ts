import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { printRecord } from '../../src/event-log/record.ts';
import { logOptions, OwnedLog } from './event-logs.ts';
import { lastNight } from './last-night.ts';

/** Writes the example logs of fixtures/event-log anew: node --import tsx specs/support/make-event-log-fixtures.ts */
const fixtures = join(import.meta.dirname, '../../fixtures/event-log');
const state = join(fixtures, 'last-night');
await rm(state, { recursive: true, force: true });
await mkdir(state, { recursive: true });
const log = await OwnedLog.open(logOptions(join(state, 'event-log'), { maxSegmentBytes: 6000 }));
for (const command of lastNight) await log.decide(command);
await log.close();
await rm(join(state, 'event-log', 'lock'));

const whole = await readFile(join(state, 'event-log', 'segment-0000000000000001.jsonl'), 'utf8');
const lines = whole.split('\n').slice(0, 6);
const file = (name: string, text: string) => writeFile(join(fixtures, name), text);
const moon = {
  seq: 7,
  time: Date.UTC(2026, 10, 24),
  type: 'MoonRose',
  cause: null,
  rest: 0,
  data: { full: true },
};
await file('torn.jsonl', `${lines.join('\n')}\n${printRecord(moon).slice(0, 60)}`);
await file('unknown-type.jsonl', `${lines.join('\n')}\n${printRecord(moon)}\n`);
await file('damaged.jsonl', `${lines.join('\n').replace('manager.example:9999', 'manager.example:9998')}\n`);
await file('newer-format.jsonl', `${lines.join('\n')}\n{"v":2,"n":7,"kind":"moon-rose"}\n`);
