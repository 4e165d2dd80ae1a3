import { DEFAULT_GATEWAY_STATE_DIRECTORY } from '../../gateway/settings.ts';
import { PARTITIONS } from '../../nats/lease-table.ts';
import { counted } from '../../replay/printable.ts';
import { reasonOf } from '../../text/reason.ts';
import { statusSocket } from '../extension/observation/status-report.ts';
import { fetchGatewayReport } from '../gateway/gateway-status.ts';
import type { GatewayReport } from '../gateway/report.ts';
import { readGatewaySettings } from '../gateway/settings-file.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

/** Files that a gateway needs beside its hosts' sockets. */
const SPARE_FILES = 1_000;
/** Bytes that wait for a Zeek that is too slow. */
const CROWDED = 1024 * 1024;

/** Everything that there is to be said about the gateway of this machine. */
export async function examineGateway(
  config: string | undefined,
  stateDir: string | undefined,
): Promise<Finding[]> {
  const read = await readGatewaySettings({ ...(config !== undefined && { config }) }).catch(
    (error: Error) => ({
      problems: [error.message],
      warnings: [],
    }),
  );
  // Without a file the addresses are on the command line of whoever runs it.
  const isNamed = config !== undefined;
  const findings =
    isNamed && 'problems' in read ? read.problems.map((text) => problem(text, 'mend the file')) : [];
  const warnings = isNamed ? read.warnings.map((text) => warning(text, '')) : [];
  const settings = 'settings' in read ? read.settings : undefined;
  const directory = stateDir ?? settings?.stateDirectory ?? DEFAULT_GATEWAY_STATE_DIRECTORY;
  try {
    const report = await fetchGatewayReport(statusSocket(directory));
    return [...findings, ...warnings, ...lookAtGateway(report, settings?.limits.hosts)];
  } catch (error) {
    const advice = 'its log says why it has ended; is it that state directory (--state-dir)?';
    return [
      ...findings,
      ...warnings,
      problem(`no gateway runs over ${directory}: ${reasonOf(error)}`, advice),
    ];
  }
}

/** @param hosts the most that are let in, where that is known */
export function lookAtGateway(report: GatewayReport, hosts?: number): Finding[] {
  const { zeek, counts } = report;
  const findings: Finding[] = [ok(`the gateway ${report.name} runs, version ${report.version}`)];
  const way = zeek.ways[zeek.way] ?? '';
  if (zeek.incarnation === null) {
    const why = zeek.last_close ? `: ${zeek.last_close.reason}` : '';
    findings.push(
      problem(`the Zeek ${way} is not there${why}`, 'does it listen there? Hosts are not let in meanwhile'),
    );
  } else {
    findings.push(ok(`the Zeek ${way} is connected over ${zeek.transport}`));
    if (!report.listens) findings.push(ok(`${counted(report.hosts, 'host')} connected`));
    else if (report.port === null)
      findings.push(
        problem('not listening for hosts', 'check whether the port is in use: the log (area gateway) says'),
      );
    else findings.push(ok(`${counted(report.hosts, 'host')} connected, port ${report.port}`));
    if (zeek.transport === 'ws' || zeek.transport === 'wss') {
      if (!zeek.has_package)
        findings.push(
          warning(
            "the Zeek is reached by WebSocket and has not shown this project's package",
            'without it the rows are not acknowledged by its scripts: load the package there',
          ),
        );
    }
  }
  if (report.nats) findings.push(...lookAtNats(report.nats, zeek.incarnation));
  const files = hosts === undefined || !report.listens ? undefined : hosts + SPARE_FILES;
  if (files !== undefined && report.max_files !== null && report.max_files < files)
    findings.push(
      warning(
        `it may open ${report.max_files} files, fewer than limits.hosts needs`,
        `raise its limit to ${files} (LimitNOFILE, ulimit -n), or lower limits.hosts`,
      ),
    );
  if (counts.duplicates > 0)
    findings.push(
      warning(
        'two hosts have the same id: one of them is refused',
        'its log (area gateway) says which id and from where; set uid on each',
      ),
    );
  if (counts.refused > 0)
    findings.push(
      warning(
        `${counted(counts.refused, 'event')} of hosts were refused`,
        'its log (area gateway) says which and why: a misbehaving host, or a query that has ended',
      ),
    );
  if (report.waiting_bytes > CROWDED)
    findings.push(
      warning(
        'rows wait for the Zeek: the hosts produce more than it accepts',
        'ask for fewer rows, or give hosts several Zeeks; nothing is lost meanwhile',
      ),
    );
  return findings;
}

function lookAtNats(nats: NonNullable<GatewayReport['nats']>, incarnation: string | null): Finding[] {
  const { server, servers, prefix, partitions, gateways, troubles } = nats;
  const findings: Finding[] = Object.entries(troubles).map(([about, trouble]) =>
    problem(`NATS (${about}): ${trouble}`, 'rows stay in the stream, or on their hosts, meanwhile'),
  );
  if (incarnation === null) return findings;
  if (server === '') {
    if (findings.length === 0)
      findings.push(problem(`not connected to ${servers.join(', ')}`, 'does a nats-server listen there?'));
    return findings;
  }
  findings.push(ok(`${server} is connected, prefix ${prefix}`));
  const share = `serves ${partitions.length} of ${PARTITIONS} partitions, with ${counted(Math.max(0, gateways.length - 1), 'other gateway')}`;
  findings.push(
    partitions.length > 0 || gateways.length > PARTITIONS
      ? ok(share)
      : warning(
          `${share}`,
          'it takes its share within some seconds of its start; its log (area gateway) says why not',
        ),
  );
  for (const { name, zeek } of gateways) {
    if (zeek !== incarnation)
      findings.push(
        warning(
          `the gateway ${name} uses the prefix ${prefix} with another Zeek (${zeek})`,
          'a prefix belongs to one Zeek: give each Zeek its own, unless that one has just started anew',
        ),
      );
  }
  return findings;
}
