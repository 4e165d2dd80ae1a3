import { PLUGIN_NAME } from '../../osquery/registration.ts';
import { flagIn, withFlag } from './flag-text.ts';

/** Seconds that osqueryd is to wait for the extension at its start, and the least that may stay as it is. */
const TIMEOUT = 30;
const SHORTEST_TIMEOUT = 10;
/** osqueryd ends when its last logger fails, so that ours must not be the last. */
const LAST_LOGGER = 'filesystem';

export interface WantedFlags {
  /** The list of extensions, where the flagfile names none. */
  readonly autoload: string;
  /** osquery's own default of it. */
  readonly defaultAutoload: string;
}

/** The flagfile with what the extension needs; flags of others stay. */
export function withOurFlags(
  text: string,
  { autoload, defaultAutoload }: WantedFlags,
): { text: string; notes: string[] } {
  const notes: string[] = [];
  let made = text;
  if (flagIn(made, 'disable_extensions') === 'true') made = withFlag(made, 'disable_extensions', 'false');
  if (flagIn(made, 'extensions_autoload') === undefined || autoload !== defaultAutoload)
    made = withFlag(made, 'extensions_autoload', autoload);
  const timeout = Number(flagIn(made, 'extensions_timeout') ?? 0);
  if (!(timeout >= SHORTEST_TIMEOUT)) made = withFlag(made, 'extensions_timeout', String(TIMEOUT));
  made = withFlag(made, 'logger_plugin', withOurLogger(flagIn(made, 'logger_plugin')));
  if (flagIn(made, 'logger_event_type') === undefined) made = withFlag(made, 'logger_event_type', 'false');
  else if (flagIn(made, 'logger_event_type') === 'true') {
    notes.push(
      '--logger_event_type=true stays: osqueryd then makes one log call for each row, which costs more',
    );
  }
  if (flagIn(made, 'disable_logging') === 'true') {
    notes.push('--disable_logging stays: Zeeks will only get the rows of one-time queries');
  }
  if (flagIn(made, 'config_enable_backup') === 'true') {
    notes.push(
      '--config_enable_backup stays: osqueryd will keep our schedule in its backup, not its own; set it to false',
    );
  }
  return { text: made, notes };
}

/** The list of loggers with ours first where it is missing or last, and with one behind it. */
function withOurLogger(value = ''): string {
  const names = value
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.includes(PLUGIN_NAME) && names.at(-1) !== PLUGIN_NAME) return value;
  const others = names.filter((name) => name !== PLUGIN_NAME);
  return [PLUGIN_NAME, ...(others.length > 0 ? others : [LAST_LOGGER])].join(',');
}
