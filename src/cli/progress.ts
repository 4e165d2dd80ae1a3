import type { Writable } from 'node:stream';
import type { LogReading } from '../event-log/event-log-reader-store.ts';
import type { LogRecord } from '../event-log/record.ts';

/** How many records pass between two pictures of the bar. */
const RECORDS_A_PICTURE = 5000;
const BAR_WIDTH = 30;

/** The same reading, with a bar that shows how far it is where a terminal watches and there is much to read. */
export function withProgress(
  reading: LogReading,
  to: Writable & { readonly isTTY?: boolean },
): Pick<LogReading, 'base' | 'records'> {
  return to.isTTY === true ? { base: reading.base, records: shown(reading, to) } : reading;
}

async function* shown(reading: LogReading, to: Writable): AsyncGenerator<LogRecord> {
  let records = 0;
  try {
    for await (const record of reading.records) {
      records += 1;
      if (records % RECORDS_A_PICTURE === 0) to.write(`\r${picture(reading, records)}`);
      yield record;
    }
  } finally {
    if (records >= RECORDS_A_PICTURE) to.write('\r\u001b[K');
  }
}

function picture(reading: LogReading, records: number): string {
  const { read, total } = reading.progress();
  if (total === null || total === 0) return `${records} records`;
  const done = Math.min(1, read / total);
  const filled = Math.round(done * BAR_WIDTH);
  const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
  return `${bar} ${Math.floor(done * 100)} %  ${records} records`;
}
