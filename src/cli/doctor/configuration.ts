import { parseSettings } from '../../config/parse.ts';
import type { Settings } from '../../config/settings.ts';
import { misplacedKeys } from '../../config/unknown-keys.ts';
import type { ManagerClient } from '../../osquery/manager-client.ts';
import { counted } from '../../replay/printable.ts';
import { reasonOf } from '../../text/reason.ts';
import { findConfig, fromFile } from '../extension/ports/find-config.ts';
import { type Finding, ok, problem, warning } from './finding.ts';
import { type Flags, flagOf } from './flags.ts';

/** What the configuration comes to; without settings if it is bad, or can't be read. */
export interface Configuration {
  readonly findings: readonly Finding[];
  readonly settings?: Settings;
}

/**
 * Whether osquery's configuration names a Zeek, and has nothing wrong in it.
 * @param client of the running osqueryd; without one the file of `--config_path` is read
 */
export async function lookAtConfiguration(
  flags: Flags,
  client: Pick<ManagerClient, 'call'> | undefined,
): Promise<Configuration> {
  const path = flagOf(flags, 'config_path');
  try {
    const found = client
      ? await findConfig({ client, options: flags, file: undefined }, '')
      : { source: path, ...(fromFile(path) ?? { bro: undefined, options: undefined }) };
    if (found.bro === undefined) {
      const misplaced = misplacedKeys(found.options).map((text) =>
        warning(text, 'move it: it is ignored there'),
      );
      const missing = problem('the configuration of osquery has no key bro', `put the key bro into ${path}`);
      return { findings: [missing, ...misplaced] };
    }
    const parsed = parseSettings(found.bro);
    const findings = [...parsed.warnings, ...misplacedKeys(found.options)].map((text) =>
      warning(text, 'fix it: these keys are ignored'),
    );
    if ('problems' in parsed) {
      const wrong = parsed.problems.map((text) =>
        problem(text, `fix it in ${found.source}; the last good configuration is in effect until then`),
      );
      return { findings: [...findings, ...wrong] };
    }
    const { endpoints } = parsed.settings;
    findings.push(
      endpoints.length > 0
        ? ok(
            `${found.source} names ${counted(endpoints.length, 'Zeek')}: ${endpoints.map(({ peer }) => peer).join(', ')}`,
          )
        : problem(`${found.source} names no Zeek`, 'set bro_endpoint'),
    );
    return { findings, settings: parsed.settings };
  } catch (error) {
    return {
      findings: [
        problem(reasonOf(error), 'fix it: until then the last good configuration is in effect, or none'),
      ],
    };
  }
}
