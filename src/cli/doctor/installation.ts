import { readFileSync } from 'node:fs';
import type { Settings } from '../../config/settings.ts';
import { autoloadPaths, whyNotAutoload } from '../../osquery/autoload-store.ts';
import { flagAdvice } from '../../osquery/flag-advice.ts';
import { loggerNames } from '../../osquery/logger-names.ts';
import { reasonOf } from '../../text/reason.ts';
import { type Finding, ok, problem, warning } from './finding.ts';
import { type Flags, flagOf } from './flags.ts';

/** Seconds that osqueryd should wait for the extension at its start. */
const ENOUGH = 10;

/** Whether osqueryd will start the extension, wait for it, and log to it. */
export function lookAtInstallation(flags: Flags, settings: Settings): Finding[] {
  if (flagOf(flags, 'disable_extensions') === 'true') {
    return [problem('osqueryd has extensions disabled (--disable_extensions)', 'remove that flag')];
  }
  return [...lookAtAutoload(flagOf(flags, 'extensions_autoload')), ...lookAtFlags(flags, settings)];
}

function lookAtAutoload(list: string): Finding[] {
  const byHand = 'or start `bro-osquery extension` by other means';
  let text: string;
  try {
    text = readFileSync(list, 'utf8');
  } catch (error) {
    return [
      warning(`osqueryd loads no extensions: ${reasonOf(error)}`, `add the executable to ${list}, ${byHand}`),
    ];
  }
  const ours = autoloadPaths(text).filter((path) => /bro-osquery[^/]*$/.test(path));
  if (ours.length === 0) return [warning(`${list} does not list bro-osquery`, `add it there, ${byHand}`)];
  const refused = ours.flatMap((path) => {
    const why = whyNotAutoload(path);
    return why === undefined
      ? []
      : [
          problem(
            `osqueryd will not load ${path}: ${why}`,
            'the file must exist, end in .ext, be owned by root, be writable by nobody else, and not be in a world-writable folder such as /tmp',
          ),
        ];
  });
  if (refused.length > 0) return refused;
  if (ours.length > 1) return [problem(`${list} lists bro-osquery ${ours.length} times`, 'list it once')];
  return [ok(`${list} lists ${ours[0]}, which osqueryd will load`)];
}

function lookAtFlags(flags: Flags, settings: Settings): Finding[] {
  // What is to be done stands in these texts.
  const findings = flagAdvice(flags, settings).map((text) => problem(text, ''));
  const timeout = Number(flagOf(flags, 'extensions_timeout'));
  if (timeout < ENOUGH) {
    findings.push(
      warning(
        `--extensions_timeout is ${timeout}: osqueryd exits with 78 if the extension has not registered its logger by then`,
        'set --extensions_timeout=30',
      ),
    );
  }
  if (flagOf(flags, 'logger_event_type') !== 'false') {
    findings.push(
      warning(
        'osqueryd makes a log call for each row',
        'set --logger_event_type=false: one for each run of a query',
      ),
    );
  }
  if (loggerNames(flags).includes('filesystem') && flagOf(flags, 'logger_rotate') !== 'true') {
    findings.push(
      warning(
        `osqueryd's own log in ${flagOf(flags, 'logger_path')} also holds all rows of our queries, and its size is not limited`,
        'set --logger_rotate=true, or use logrotate',
      ),
    );
  }
  if (findings.length === 0) findings.push(ok("osqueryd's flags are fine"));
  return findings;
}
