import { type Logger, pino } from 'pino';

/** The program's log: one JSON line each on standard error, written before the call returns. */
export function createLog(level: 'debug' | 'info'): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}
