import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flagIn, withFlag } from '../../../src/cli/setup/flag-text.ts';
import { withOurFlags } from '../../../src/cli/setup/flags.ts';
import type { HostFile } from '../../../src/cli/setup/host-file.ts';
import { planSetup } from '../../../src/cli/setup/plan.ts';
import { osqueryLayout } from '../../../src/osquery/layout.ts';

/** What setup decides, without a host to do it to. */

const windows = osqueryLayout('win32');
const file = (content: string): HostFile => ({ content: Buffer.from(content), mode: 0o666, uid: 0, gid: 0 });

const pem = (name: string) => ({ from: name, content: Buffer.from(name) });

function planOnWindows(files: Readonly<Record<string, HostFile>>) {
  return planSetup(
    {
      layout: windows,
      read: (path) => files[path],
      owner: { uid: 0, gid: 0 },
      hasPermissions: false,
    },
    {
      zeeks: ['zeek.example.com:9999'],
      certificates: { ca: pem('ca'), certificate: pem('certificate'), key: pem('key') },
      requireAuthentication: undefined,
      flagfile: undefined,
      config: undefined,
      executable: Buffer.from('program'),
    },
  );
}

test('on Windows everything goes where osquery has it there, with the line ends and without modes', () => {
  const { changes } = planOnWindows({ [windows.flagfile]: file('--verbose\r\n') });
  const made = Object.fromEntries(changes.map(({ path, after }) => [path, after.content.toString()]));
  assert.equal(made[windows.extension], 'program');
  assert.equal(made[windows.autoload], `${windows.extension}\n`);
  assert.deepEqual(JSON.parse(made[windows.config] ?? ''), {
    bro: {
      bro_endpoint: 'zeek.example.com:9999',
      tls: {
        ca: `${windows.setup}\\tls\\ca.pem`,
        certificate: `${windows.setup}\\tls\\certificate.pem`,
        key: `${windows.setup}\\tls\\key.pem`,
        require_authentication: true,
      },
    },
  });
  assert.equal(
    made[windows.flagfile],
    '--verbose\r\n--extensions_autoload=C:\\Program Files\\osquery\\extensions.load\r\n--extensions_timeout=30\r\n' +
      '--logger_plugin=bro,filesystem\r\n--logger_event_type=false\r\n',
  );
  // Whoever reads back what was written has nothing left to do, whatever mode it has there.
  const again = Object.fromEntries(changes.map(({ path, after }) => [path, after]));
  assert.deepEqual(planOnWindows(again).changes, []);
});

test('a flag is found in every form that osqueryd takes, and the last one counts', () => {
  const text = '# --verbose\n-a=1\n  --b\n--a=2=3\n--c=\n';
  assert.deepEqual(
    ['a', 'b', 'c', 'verbose'].map((name) => flagIn(text, name)),
    ['2=3', 'true', '', undefined],
  );
  assert.equal(withFlag(text, 'a', 'x'), '# --verbose\n-a=1\n  --b\n--a=x\n--c=\n');
  assert.equal(withFlag(text, 'b', 'true'), text);
  assert.equal(withFlag('--a', 'b', '1'), '--a\n--b=1\n');
});

test('our logger stands first where it is missing, last or alone, and elsewhere stays', () => {
  const loggers = (value: string) =>
    flagIn(
      withOurFlags(`--logger_plugin=${value}\n`, { autoload: '/l', defaultAutoload: '/l' }).text,
      'logger_plugin',
    );
  assert.deepEqual(
    ['filesystem', 'bro', 'filesystem,bro', 'tls,bro,filesystem', 'bro,tls', 'tls, syslog', ''].map(loggers),
    [
      'bro,filesystem',
      'bro,filesystem',
      'bro,filesystem',
      'tls,bro,filesystem',
      'bro,tls',
      'bro,tls,syslog',
      'bro,filesystem',
    ],
  );
});

test('settings of an operator stay, and are reported', () => {
  const flags =
    '--logger_event_type=true\n--disable_logging\n--config_enable_backup=true\n--extensions_timeout=12\n';
  const { text, notes } = withOurFlags(flags, { autoload: '/l', defaultAutoload: '/l' });
  assert.ok(text.startsWith(flags));
  assert.deepEqual(
    notes.map((note) => /--\w+/.exec(note)?.[0]),
    ['--logger_event_type', '--disable_logging', '--config_enable_backup'],
  );
});
