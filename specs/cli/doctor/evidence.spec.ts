import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lookAtEvidence } from '../../../src/cli/doctor/evidence.ts';
import { flagsOfFile } from '../../../src/cli/doctor/flags.ts';

const ENOUGH = 8 * 1024 * 1024;
const ALL = `
--disable_audit=false
--audit_allow_config=true
--audit_allow_sockets=true
--audit_allow_accept_socket_events=true
--audit_allow_process_events=true
`;

const levels = (flagfile: string, buffer: number | undefined) =>
  lookAtEvidence(flagsOfFile(flagfile), buffer).map(({ level }) => level);

test('a host without audit is all right, and is told what audit would add', () => {
  const findings = lookAtEvidence(flagsOfFile(''), ENOUGH);
  assert.deepEqual(
    findings.map(({ level }) => level),
    ['ok', 'ok'],
  );
  for (const flag of ALL.trim().split('\n')) assert.ok(findings[1]?.what.includes(flag), flag);
});

test('a host that audits everything is all right', () => {
  assert.deepEqual(levels(ALL, ENOUGH), ['ok', 'ok', 'ok', 'ok', 'ok']);
});

test('each flag that is missing beside audit is named', () => {
  for (const flag of ALL.trim().split('\n').slice(1)) {
    const findings = lookAtEvidence(flagsOfFile(ALL.replace(flag, flag.replace('true', 'false'))), ENOUGH);
    assert.deepEqual(
      findings.filter(({ level }) => level === 'warning').map(({ advice }) => advice),
      [`set ${flag}`],
    );
  }
});

test('a receive buffer that loses audit records is a warning where sockets are audited, and nowhere else', () => {
  assert.deepEqual(
    lookAtEvidence(flagsOfFile(ALL), 212_992)
      .filter(({ level }) => level === 'warning')
      .map(({ what }) => what),
    ['the kernel drops audit records on a busy host: the default receive buffer of sockets is 212992 bytes'],
  );
  assert.deepEqual(levels('', 212_992), ['ok', 'ok']);
});
