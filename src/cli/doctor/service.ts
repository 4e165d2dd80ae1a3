import { countsError } from '../../delivery/delivery-counts.ts';
import { counted, quoted } from '../../replay/printable.ts';
import type { BroStatus, StatusReport } from '../extension/observation/status-report.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

/** How the running extension is doing: its Zeeks, its disk, its rows. */
export function lookAtService(report: StatusReport): Finding[] {
  const findings = [ok(`the extension runs as process ${report.pid}`), ...report.bros.map(lookAtZeek)];
  if (report.eventLog.trouble !== '') {
    findings.push(
      problem(
        `the event log takes nothing, so that requests are refused: ${report.eventLog.trouble}`,
        'make room on the disk of the state directory; it goes on by itself',
      ),
    );
  }
  if (report.logger.refusal !== '') {
    findings.push(
      problem(
        `the journal takes no rows: ${report.logger.refusal}`,
        'make room on the disk of the state directory; rows that came meanwhile are lost, and declared',
      ),
    );
  }
  return [...findings, ...report.subscriptions.flatMap(lookAtQuery), ...report.delivery.flatMap(lookAtRows)];
}

function lookAtZeek({ peer, state, subscriptions, lastError }: BroStatus): Finding {
  if (state !== 'linked.peered') {
    const why = lastError === '' ? '' : `: ${lastError}`;
    return problem(
      `Zeek ${peer} is not there (${state})${why}`,
      'does it listen there, and does no firewall stand between? `bro-osquery manual troubleshoot` has the reasons',
    );
  }
  if (subscriptions > 0) return ok(`Zeek ${peer} is there, with ${counted(subscriptions, 'subscription')}`);
  return warning(
    `Zeek ${peer} is there, and asks this host for nothing`,
    'is it the manager, and does a script of it subscribe for this host, one of its groups, or all?',
  );
}

function lookAtQuery({ name, peer, sql, trouble }: StatusReport['subscriptions'][number]): Finding[] {
  if (trouble === '') return [];
  return [
    warning(
      `${name} of Zeek ${peer} does not run as it was asked for: ${trouble}`,
      `the script that subscribes ${quoted(sql, 80)} is to be mended; ${`\`bro-osquery replay --explain ${name}\``} tells the whole story`,
    ),
  ];
}

function lookAtRows(account: StatusReport['delivery'][number]): Finding[] {
  const wrong = countsError(account);
  if (wrong !== undefined) return [problem(wrong, 'a mistake of bro-osquery: please report it')];
  const lost = account.dropped + account.refused;
  if (lost === 0) return [];
  const query = account.name === '' ? 'queries that have ended' : account.name;
  return [
    warning(
      `${counted(lost, 'row')} of ${query} for ${account.peer} are lost since the start, and declared`,
      'let the Zeek be there more, or raise journal_bytes and journal_age',
    ),
  ];
}
