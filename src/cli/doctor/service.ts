import { countsError } from '../../delivery/delivery-counts.ts';
import { counted, quoted } from '../../replay/printable.ts';
import type { BroStatus, StatusReport } from '../extension/observation/status-report.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

/** How the running extension is doing: its Zeeks, its disk, its rows. */
export function lookAtService(report: StatusReport): Finding[] {
  const findings = [ok(`the extension runs as process ${report.pid}`), ...report.bros.map(lookAtZeek)];
  for (const { peer, streamTrouble } of report.bros) {
    if (streamTrouble !== '')
      findings.push(
        problem(
          `the stream on the way to ${peer}: ${streamTrouble}`,
          'rows are kept in the journal meanwhile',
        ),
      );
  }
  if (report.eventLog.trouble !== '') {
    findings.push(
      problem(
        `the event log can't be written, so requests are refused: ${report.eventLog.trouble}`,
        'free disk space in the state directory; it recovers by itself',
      ),
    );
  }
  if (report.logger.refusal !== '') {
    findings.push(
      problem(
        `the journal can't be written: ${report.logger.refusal}`,
        'free disk space in the state directory; rows received meanwhile are lost, and reported to their Zeeks',
      ),
    );
  }
  return [...findings, ...report.subscriptions.flatMap(lookAtQuery), ...report.delivery.flatMap(lookAtRows)];
}

function lookAtZeek({ peer, state, subscriptions, lastError }: BroStatus): Finding {
  if (state !== 'linked.peered') {
    const why = lastError === '' ? '' : `: ${lastError}`;
    return problem(
      `Zeek ${peer} is not connected (${state})${why}`,
      'check that it listens there and that no firewall blocks it; `bro-osquery manual troubleshoot` lists causes',
    );
  }
  if (subscriptions > 0)
    return ok(`Zeek ${peer} is connected, with ${counted(subscriptions, 'subscription')}`);
  return warning(
    `Zeek ${peer} is connected, but requests nothing from this host`,
    'check that it is the manager and that one of its scripts subscribes for this host, one of its groups, or all hosts',
  );
}

function lookAtQuery({ name, peer, sql, trouble }: StatusReport['subscriptions'][number]): Finding[] {
  if (trouble === '') return [];
  return [
    warning(
      `${name} of Zeek ${peer} does not run as requested: ${trouble}`,
      `fix the script that subscribes ${quoted(sql, 80)}; ${`\`bro-osquery replay --explain ${name}\``} shows its history`,
    ),
  ];
}

function lookAtRows(account: StatusReport['delivery'][number]): Finding[] {
  const wrong = countsError(account);
  if (wrong !== undefined) return [problem(wrong, 'a bug in bro-osquery: please report it')];
  const lost = account.dropped + account.refused;
  if (lost === 0) return [];
  const query = account.name === '' ? 'queries that have ended' : account.name;
  return [
    warning(
      `${counted(lost, 'row')} of ${query} for ${account.peer} were lost since the start, and reported to it`,
      'keep the Zeek connected, or raise journal_bytes and journal_age',
    ),
  ];
}
