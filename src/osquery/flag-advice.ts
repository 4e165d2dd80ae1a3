import { loggerNames } from './logger-names.ts';
import type { OsqueryOption } from './manager-values.ts';
import { PLUGIN_NAME } from './registration.ts';

type Flags = ReadonlyMap<string, OsqueryOption>;

/** Whether osqueryd fetches one-time queries from us. */
export function fetchesQueries(flags: Flags): boolean {
  return (
    flags.get('disable_distributed')?.value === 'false' &&
    flags.get('distributed_plugin')?.value === PLUGIN_NAME
  );
}

/** What osqueryd's flags keep from working, each with what would change it. */
export function flagAdvice(
  flags: Flags,
  { oneTimeQueries }: { readonly oneTimeQueries: 'query' | 'distributed' },
): readonly string[] {
  const advice: string[] = [];
  const loggers = flags.get('logger_plugin')?.value ?? '';
  const names = loggerNames(flags);
  if (flags.get('disable_logging')?.value === 'true') {
    advice.push(
      'osquery logs no results (--disable_logging, osqueryi): Zeeks only get the rows of one-time queries',
    );
  } else if (!names.includes(PLUGIN_NAME)) {
    advice.push(
      `osqueryd's --logger_plugin is ${loggers}: Zeeks only get the rows of one-time queries; set it to ${PLUGIN_NAME},filesystem`,
    );
  } else if (names.at(-1) === PLUGIN_NAME) {
    advice.push(
      `osqueryd's --logger_plugin is ${loggers}: osqueryd exits when its last logger fails, and so whenever this extension stops; set it to ${PLUGIN_NAME},filesystem`,
    );
  }
  if (flags.get('logger_numerics')?.value === 'true') {
    advice.push(
      "osqueryd's --logger_numerics is true: a result with an infinite number is cut off there, and all of its rows are lost; set it to false, the rows are the same",
    );
  }
  // osquery's Config::backupConfig drops what is not in the update at hand.
  if (
    flags.get('config_enable_backup')?.value === 'true' &&
    flags.get('config_plugin')?.value !== PLUGIN_NAME
  ) {
    advice.push(
      "osqueryd's --config_enable_backup saves only the latest update, which is our schedule: if its config plugin fails at a start, osqueryd has no configuration of its own; set it to false",
    );
  }
  if (oneTimeQueries === 'distributed' && !fetchesQueries(flags)) {
    advice.push(
      `osqueryd does not fetch distributed queries from this extension: one-time queries run without its watchdog; set --disable_distributed=false and --distributed_plugin=${PLUGIN_NAME}`,
    );
  }
  return advice;
}
