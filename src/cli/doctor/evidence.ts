import { readFileSync } from 'node:fs';
import { type Finding, ok, warning } from './finding.ts';
import { type Flags, flagOf } from './flags.ts';

/** Bytes of the audit's socket that hold what the kernel has while osqueryd waits for a CPU. */
const BUFFER_WANTED = 8 * 1024 * 1024;
const BUFFER_SETTING = '/proc/sys/net/core/rmem_default';

const POLLED =
  "sockets are polled: connections that live through a poll get their process in the Zeek's conn.log";

/**
 * Which evidence this host's flags give for the processes behind the connections of a Zeek's conn.log.
 * @param buffer the kernel's default for sockets' receive buffers, in bytes; undefined where there is none
 */
export function lookAtEvidence(flags: Flags, buffer = receiveBuffer()): Finding[] {
  const on = (name: string) => flagOf(flags, name) === 'true';
  const findings = [ok(POLLED)];
  // Only Linux has audit, and flags that nobody has set are off.
  if (buffer === undefined || flagOf(flags, 'disable_audit') !== 'false') {
    if (buffer !== undefined) findings.push(ok(`without audit shorter connections get none (${ALL_FLAGS})`));
    return findings;
  }
  const missing = EVIDENCE.filter(({ flag }) => !on(flag));
  for (const { what } of EVIDENCE.filter(({ flag }) => on(flag))) findings.push(ok(`audit tells ${what}`));
  for (const { flag, what } of missing)
    findings.push(warning(`audit does not tell ${what}`, `set --${flag}=true`));
  if (on('audit_allow_sockets') && buffer < BUFFER_WANTED)
    findings.push(
      warning(
        `the kernel drops audit records on a busy host: the default receive buffer of sockets is ${buffer} bytes`,
        `set net.core.rmem_default to ${BUFFER_WANTED} before osqueryd starts (in its unit: ExecStartPre=/sbin/sysctl -w net.core.rmem_default=${BUFFER_WANTED})`,
      ),
    );
  return findings;
}

const EVIDENCE: readonly { readonly flag: string; readonly what: string }[] = [
  { flag: 'audit_allow_config', what: "what happens: osqueryd sets the kernel's audit rules" },
  { flag: 'audit_allow_sockets', what: 'who connects: short connections get the process that opened them' },
  {
    flag: 'audit_allow_accept_socket_events',
    what: 'who accepts: short connections get the process that served them',
  },
  { flag: 'audit_allow_process_events', what: 'who a process was: the user of one that has ended' },
];

const ALL_FLAGS = `for them: --disable_audit=false ${EVIDENCE.map(({ flag }) => `--${flag}=true`).join(' ')}`;

function receiveBuffer(): number | undefined {
  try {
    return Number(readFileSync(BUFFER_SETTING, 'utf8'));
  } catch {
    return undefined;
  }
}
