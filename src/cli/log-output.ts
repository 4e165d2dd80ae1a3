import { type Logger, pino } from 'pino';
import { printableJson } from '../replay/printable.ts';

/** The program's log: one JSON line each on standard error, written before the call returns. */
export function createLog(level: 'debug' | 'info'): Logger {
  const standardError = pino.destination({ dest: 2, sync: true });
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line) => void standardError.write(printableJson(line)) },
  );
}
