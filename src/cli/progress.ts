import type { Writable } from 'node:stream';
import type { LogReading } from '../event-log/event-log-reader-store.ts';

/** How many items pass between two pictures of the bar. */
const ITEMS_A_PICTURE = 5000;
const BAR_WIDTH = 30;

type Terminal = Writable & { readonly isTTY?: boolean };

/** How far something is read, in bytes; the total is null where it is not known. */
type Progress = () => { readonly read: number; readonly total: number | null };

/** The same reading, with a bar that shows how far it is where a terminal watches and there is much to read. */
export function withProgress(reading: LogReading, to: Terminal): Pick<LogReading, 'base' | 'records'> {
  return {
    base: reading.base,
    records: withBar(reading.records, { unit: 'records', progress: reading.progress, to }),
  };
}

/** The lines of a file of so many bytes, with such a bar. */
export function linesWithProgress(
  lines: AsyncIterable<string>,
  total: number,
  to: Terminal,
): AsyncIterable<string> {
  let read = 0;
  const counted = async function* () {
    for await (const line of lines) {
      read += Buffer.byteLength(line);
      yield line;
    }
  };
  return withBar(counted(), { unit: 'lines', progress: () => ({ read, total }), to });
}

interface Bar {
  readonly unit: string;
  readonly progress: Progress;
  readonly to: Terminal;
}

function withBar<T>(items: AsyncIterable<T>, bar: Bar): AsyncIterable<T> {
  return bar.to.isTTY === true ? shown(items, bar) : items;
}

async function* shown<T>(items: AsyncIterable<T>, { unit, progress, to }: Bar): AsyncGenerator<T> {
  let count = 0;
  try {
    for await (const item of items) {
      count += 1;
      if (count % ITEMS_A_PICTURE === 0) to.write(`\r${picture(progress(), `${count} ${unit}`)}`);
      yield item;
    }
  } finally {
    if (count >= ITEMS_A_PICTURE) to.write('\r\u001b[K');
  }
}

function picture({ read, total }: ReturnType<Progress>, items: string): string {
  if (total === null || total === 0) return items;
  const done = Math.min(1, read / total);
  const filled = Math.round(done * BAR_WIDTH);
  const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
  return `${bar} ${Math.floor(done * 100)} %  ${items}`;
}
