import type { OsqueryOption } from './manager-values.ts';

/** The loggers that osqueryd hands its results to, in that order: the items of `--logger_plugin`. */
export function loggerNames(flags: ReadonlyMap<string, OsqueryOption>): readonly string[] {
  return (flags.get('logger_plugin')?.value ?? '').split(',').map((name) => name.trim());
}
