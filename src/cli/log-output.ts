import { type Logger, pino } from 'pino';
import { printableJson } from '../replay/printable.ts';

/**
 * The program's log: one JSON line each on standard error, written before the call returns.
 * @param onLine gets each line as well
 */
export function createLog(level: 'debug' | 'info', onLine: (line: string) => void = () => {}): Logger {
  const standardError = pino.destination({ dest: 2, sync: true });
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write(line) {
        standardError.write(printableJson(line));
        onLine(line);
      },
    },
  );
}
