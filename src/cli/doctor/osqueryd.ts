import type { ManagerClient } from '../../osquery/manager-client.ts';
import { EXTENSION_NAME } from '../../osquery/registration.ts';
import { reasonOf } from '../../text/reason.ts';
import { type Finding, ok, problem } from './finding.ts';
import type { Flags } from './flags.ts';

/** What the running osqueryd says; without flags if there is none that answers. */
export interface Osqueryd {
  readonly findings: readonly Finding[];
  readonly flags?: Flags;
}

/** Whether osqueryd answers, and knows the extension. */
export async function lookAtOsqueryd(
  client: Pick<ManagerClient, 'options' | 'extensions'>,
  socket: string,
): Promise<Osqueryd> {
  try {
    const flags = await client.options();
    const findings = [ok(`osqueryd answers on ${socket}`)];
    const names = [...(await client.extensions()).values()].map(({ name }) => name);
    findings.push(
      names.includes(EXTENSION_NAME)
        ? ok('the extension is registered with osqueryd')
        : problem(
            `the extension is not registered with osqueryd${names.length > 0 ? `, only ${names.join(', ')}` : ''}`,
            'the log (journalctl -u osqueryd) says why it exited, or why osqueryd did not load it',
          ),
    );
    return { findings, flags };
  } catch (error) {
    const advice =
      'check that osqueryd is running and that this is its --extensions_socket (--socket); only root can use the socket. If osqueryd exited with 78, its logger was missing: see below';
    return { findings: [problem(reasonOf(error), advice)] };
  }
}
