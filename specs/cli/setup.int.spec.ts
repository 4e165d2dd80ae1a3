import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type SetupMachine, setupCommand } from '../../src/cli/setup.ts';
import { surroundings } from '../support/cli-io.ts';

/** Hosts in ten states and more, each a folder that stands for the root of a system. */

const user = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const FLAGS = 'etc/osquery/osquery.flags';
const CONFIG = 'etc/osquery/osquery.conf';
const LOAD = 'etc/osquery/extensions.load';
const EXTENSION = 'usr/lib/osquery/extensions/bro-osquery.ext';
const ZEEK = 'zeek.example.com:9999';

const OUR_FLAGS = [
  '--extensions_autoload=/etc/osquery/extensions.load',
  '--extensions_timeout=30',
  '--logger_plugin=bro,filesystem',
  '--logger_event_type=false',
];
const OUR_CONFIG = { bro: { bro_endpoint: ZEEK } };

/** A file's content, or content and mode. */
type Files = Readonly<Record<string, string | { readonly content: string; readonly mode: number }>>;

interface TestHost {
  readonly root: string;
  readonly read: (path: string) => string;
  readonly mode: (path: string) => number;
  /** @returns exit code and what was printed */
  readonly setup: (...words: readonly string[]) => Promise<{ code: number; said: string }>;
  /** Everything there is: content, mode, owner and target of each link. */
  readonly everything: () => Readonly<Record<string, string>>;
}

const INSTALLED: Files = { [EXTENSION]: { content: 'the executable', mode: 0o755 } };

function host(t: TestContext, files: Files, machine: Partial<SetupMachine> = {}): TestHost {
  const root = mkdtempSync(join(tmpdir(), 'bro-setup-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, file] of Object.entries(files)) {
    const { content, mode } = typeof file === 'string' ? { content: file, mode: 0o644 } : file;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
    chmodSync(join(root, path), mode);
  }
  return {
    root,
    read: (path) => readFileSync(join(root, path), 'utf8'),
    mode: (path) => lstatSync(join(root, path)).mode & 0o7777,
    setup: async (...words) => {
      const { io, printed } = surroundings();
      const command = setupCommand(io, { platform: 'linux', user, executable: undefined, ...machine });
      const former = process.exitCode;
      try {
        await command.parseAsync(['--root', root, '--detailed-exit-code', ...words], { from: 'user' });
        return { code: Number(process.exitCode ?? 0), said: printed() };
      } finally {
        process.exitCode = former;
      }
    },
    everything: () =>
      Object.fromEntries(
        readdirSync(root, { recursive: true, encoding: 'utf8' })
          .sort()
          .map((path) => {
            const stat = lstatSync(join(root, path));
            const content = stat.isSymbolicLink()
              ? `→ ${readlinkSync(join(root, path))}`
              : stat.isDirectory()
                ? ''
                : readFileSync(join(root, path)).toString('hex');
            return [path, `${stat.mode.toString(8)} ${stat.uid}:${stat.gid} ${content}`];
          }),
      ),
  };
}

/** What holds in every state: a dry run changes nothing, a second run neither, and undoing brings back each byte. */
async function setUpAndBack(
  { setup, everything }: TestHost,
  look: (said: string) => void | Promise<void>,
  words: readonly string[] = ['--zeek', ZEEK],
): Promise<void> {
  const before = everything();
  const dry = await setup(...words, '--dry-run');
  assert.equal(dry.code, 2);
  assert.deepEqual(everything(), before, 'a dry run changes nothing');
  const done = await setup(...words);
  assert.equal(done.code, 2);
  assert.ok(done.said.startsWith(dry.said), 'what was to be done is what was done');
  await look(done.said);
  const after = everything();
  const again = await setup(...words);
  assert.equal(again.code, 0);
  assert.match(again.said, /^Nothing is to be changed\.$/m);
  assert.deepEqual(everything(), after, 'nothing is changed twice');
  assert.equal((await setup('--undo', '--dry-run')).code, 2);
  assert.deepEqual(everything(), after);
  const undone = await setup('--undo');
  assert.match(undone.said, /as before/);
  assert.deepEqual(everything(), before, 'every byte is as before');
}

test('a fresh host gets everything, and shows it before', async (t) => {
  const fresh = host(t, INSTALLED);
  await setUpAndBack(fresh, (said) => {
    assert.equal(fresh.read(LOAD), `/${EXTENSION}\n`);
    assert.equal(fresh.read(FLAGS), `${OUR_FLAGS.join('\n')}\n`);
    assert.deepEqual(JSON.parse(fresh.read(CONFIG)), OUR_CONFIG);
    assert.equal(fresh.mode(CONFIG), 0o600);
    assert.match(said, /^--- \/dev\/null\n\+\+\+ \/etc\/osquery\/osquery\.flags\n@@ .*\n(\+--.*\n){4}/m);
    assert.match(said, /^\+ {4}"bro_endpoint": "zeek\.example\.com:9999"$/m);
  });
});

test('a host without the package gets the executable that runs', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bro-setup-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const executable = join(folder, 'bro-osquery.ext');
  writeFileSync(executable, 'program');
  const bare = host(t, {}, { executable });
  await setUpAndBack(bare, (said) => {
    assert.equal(bare.read(EXTENSION), 'program');
    assert.equal(bare.mode(EXTENSION), 0o755);
    assert.match(said, /^make \/usr\/lib\/osquery\/extensions\/bro-osquery\.ext \(7 bytes\)$/m);
  });
  await assert.rejects(host(t, {}).setup('--zeek', ZEEK), {
    name: 'SetupError',
    message: /install the package/,
  });
});

test('flags of others stay as they are, with their comments and without an end of the last line', async (t) => {
  const flags =
    '# ours\n--host_identifier=uuid\n--logger_plugin=tls,filesystem\n  --extensions_timeout=3\n--verbose';
  const made = host(t, { ...INSTALLED, [FLAGS]: { content: flags, mode: 0o640 } });
  await setUpAndBack(made, (said) => {
    assert.equal(
      made.read(FLAGS),
      '# ours\n--host_identifier=uuid\n--logger_plugin=bro,tls,filesystem\n  --extensions_timeout=30\n--verbose\n' +
        '--extensions_autoload=/etc/osquery/extensions.load\n--logger_event_type=false\n',
    );
    assert.equal(made.mode(FLAGS), 0o640);
    assert.match(said, /^---logger_plugin=tls,filesystem$/m);
    assert.match(said, /^\+--logger_plugin=bro,tls,filesystem$/m);
  });
});

test("under Fleet's TLS config plugin it says what to add there, and writes what the extension falls back to", async (t) => {
  const flags =
    '--config_plugin=tls\n--tls_hostname=fleet.example.com\n--logger_plugin=tls\n--disable_extensions=true\n';
  const fleet = host(t, { ...INSTALLED, [FLAGS]: flags });
  await setUpAndBack(fleet, (said) => {
    assert.match(fleet.read(FLAGS), /^--logger_plugin=bro,tls$/m);
    assert.match(fleet.read(FLAGS), /^--disable_extensions=false$/m);
    assert.deepEqual(JSON.parse(fleet.read(CONFIG)), OUR_CONFIG);
    assert.match(
      said,
      /^note: .* plugin tls\. .*\{ "bro": \{ "bro_endpoint": "zeek\.example\.com:9999" \} \}$/m,
    );
  });
});

test('comments and indentation of the configuration stay', async (t) => {
  const config = `{
	// for all hosts
	"options": {"host_identifier": "uuid"},   # no comment to osquery, and so broken
	"schedule": {}
}
`.replace('   # no comment to osquery, and so broken', '');
  const commented = `# kept by configuration management\n${config}// end\n`;
  const made = host(t, { ...INSTALLED, [CONFIG]: commented });
  await setUpAndBack(made, () => {
    assert.equal(
      made.read(CONFIG),
      commented.replace(
        '"schedule": {}\n',
        '"schedule": {},\n\t"bro": {\n\t\t"bro_endpoint": "zeek.example.com:9999"\n\t}\n',
      ),
    );
  });
});

test('on a read-only system nothing is changed, and the error says where', async (t) => {
  const made = host(t, { ...INSTALLED, [FLAGS]: '--verbose\n' });
  const before = made.everything();
  const script = `
    const { setupCommand } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/cli/setup.ts'))});
    // Root writes where nobody may: it becomes somebody else, who can read the sources no longer.
    if (process.getuid() === 0) {
      process.setgid(65534);
      process.setuid(65534);
    }
    const io = { in: process.stdin, out: process.stdout, err: process.stderr, now: Date.now };
    await setupCommand(io, { platform: 'linux', user: { uid: process.getuid(), gid: process.getgid() } })
      .parseAsync(['--root', process.argv[1], '--zeek', '${ZEEK}'], { from: 'user' });`;
  const words = ['--import', 'tsx', '--input-type=module', '--eval', script, made.root];
  chmodSync(made.root, 0o755);
  chmodSync(join(made.root, 'etc/osquery'), 0o555);
  const tried = spawnSync(process.execPath, words, { encoding: 'utf8' });
  chmodSync(join(made.root, 'etc/osquery'), 0o755);
  assert.notEqual(tried.status, 0);
  assert.match(tried.stderr, /SetupError: can't (read|write) \/\S+: .*; nothing was changed/);
  assert.deepEqual(made.everything(), before);
});

test('a half-done host gets the rest', async (t) => {
  const half = host(t, {
    ...INSTALLED,
    [LOAD]: `/opt/other.ext\n/${EXTENSION}\n`,
    [FLAGS]: `${OUR_FLAGS.slice(0, 2).join('\n')}\n`,
  });
  await setUpAndBack(half, (said) => {
    assert.equal(half.read(FLAGS), `${OUR_FLAGS.join('\n')}\n`);
    assert.equal(half.read(LOAD), `/opt/other.ext\n/${EXTENSION}\n`);
    assert.doesNotMatch(said, /^\+\+\+ .*extensions\.load$/m);
    assert.match(said, /^2 files changed/m);
  });
});

test('a host on which all is done stays as it is, and has nothing to undo', async (t) => {
  const done = host(t, {
    ...INSTALLED,
    [LOAD]: `/${EXTENSION}\n`,
    [FLAGS]: `--logger_plugin=bro,tls,filesystem\n--extensions_timeout=60\n--extensions_autoload=/${LOAD}\n--logger_event_type=true\n`,
    [CONFIG]: JSON.stringify(OUR_CONFIG),
  });
  const before = done.everything();
  const { code, said } = await done.setup('--zeek', ZEEK);
  assert.equal(code, 0);
  assert.match(said, /^note: --logger_event_type=true stays/m);
  assert.match(said, /^Nothing is to be changed\.$/m);
  assert.deepEqual(done.everything(), before);
  await assert.rejects(done.setup('--undo'), { name: 'SetupError', message: /nothing to undo/ });
});

test('another list of extensions, with Windows line ends and without an end, is the one that is written', async (t) => {
  const list = '# ours\r\n/opt/other.ext';
  const made = host(t, {
    ...INSTALLED,
    'etc/osquery/my.load': list,
    [FLAGS]: '--extensions_autoload=/etc/osquery/my.load\r\n',
  });
  await setUpAndBack(made, () => {
    assert.equal(made.read('etc/osquery/my.load'), `${list}\r\n/${EXTENSION}\r\n`);
    assert.equal(
      made.read(FLAGS),
      ['--extensions_autoload=/etc/osquery/my.load', ...OUR_FLAGS.slice(1), ''].join('\r\n'),
    );
  });
});

test('a line that is a comment in the list stays one, and that is said', async (t) => {
  const made = host(t, { ...INSTALLED, [LOAD]: `# /${EXTENSION}\n` });
  await setUpAndBack(made, (said) => {
    assert.equal(made.read(LOAD), `# /${EXTENSION}\n`);
    assert.match(said, /^note: \/usr\/lib\S+ is a comment/m);
  });
});

test('another single Zeek is replaced, a list of Zeeks gets what it lacks', async (t) => {
  const single = host(t, {
    ...INSTALLED,
    [CONFIG]: '{"bro": {"bro_ip": "192.0.2.1", "bro_port": 9999, "groups": ["a"]}}',
  });
  await setUpAndBack(single, () => {
    assert.deepEqual(JSON.parse(single.read(CONFIG)), { bro: { groups: ['a'], bro_endpoint: ZEEK } });
  });
  const list = { endpoints: ['one.example:9999', { address: 'wss://two.example/v1/messages/json' }] };
  const several = host(t, { ...INSTALLED, [CONFIG]: JSON.stringify({ bro: list }) });
  await setUpAndBack(several, () => {
    assert.deepEqual(JSON.parse(several.read(CONFIG)), {
      bro: { endpoints: [...list.endpoints, ZEEK, 'ws://three.example/v1/messages/json'] },
    });
  }, ['--zeek', ZEEK, 'wss://two.example/v1/messages/json', 'ws://three.example/v1/messages/json']);
});

test('a configuration that osquery could not read is refused, and nothing is changed', async (t) => {
  for (const broken of ['{"options": {', '[]', '{"bro": "zeek"}', '{"bro": {"groups": 7}}']) {
    const made = host(t, { ...INSTALLED, [CONFIG]: broken });
    const before = made.everything();
    await assert.rejects(made.setup('--zeek', ZEEK), {
      name: 'SetupError',
      message: /\/etc\/osquery\/osquery\.conf/,
    });
    assert.deepEqual(made.everything(), before);
  }
  const binary = host(t, INSTALLED);
  mkdirSync(join(binary.root, 'etc/osquery'), { recursive: true });
  writeFileSync(join(binary.root, FLAGS), Buffer.from([0xff, 0xfe]));
  await assert.rejects(binary.setup('--zeek', ZEEK), { name: 'SetupError', message: /not UTF-8 text/ });
});

test('the service says which flagfile and which configuration', async (t) => {
  const made = host(t, {
    ...INSTALLED,
    'etc/default/osqueryd': 'FLAG_FILE="/etc/osquery/site.flags"\nCONFIG_FILE=/srv/osquery.conf\n',
    'etc/osquery/site.flags': '--config_path=/elsewhere\n',
  });
  await setUpAndBack(made, () => {
    assert.match(made.read('etc/osquery/site.flags'), /^--logger_plugin=bro,filesystem$/m);
    assert.deepEqual(JSON.parse(made.read('srv/osquery.conf')), OUR_CONFIG);
  });
});

test('links stay links, and what others may write they may no longer', async (t) => {
  const made = host(t, {
    ...INSTALLED,
    'srv/real.conf': { content: '{}\n', mode: 0o666 },
    [LOAD]: { content: '', mode: 0o666 },
  });
  symlinkSync('../../srv/real.conf', join(made.root, CONFIG));
  await setUpAndBack(made, (said) => {
    assert.ok(lstatSync(join(made.root, CONFIG)).isSymbolicLink());
    assert.deepEqual(JSON.parse(made.read('srv/real.conf')), OUR_CONFIG);
    assert.equal(made.mode('srv/real.conf'), 0o644);
    assert.match(said, /^mode of \/etc\/osquery\/extensions\.load: 0666 → 0644$/m);
  });
});

function certificates(t: TestContext, days = 2): { ca: string; certificate: string; key: string } {
  const folder = mkdtempSync(join(tmpdir(), 'bro-setup-tls-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [certificate, key] = ['cert.pem', 'key.pem'].map((name) => join(folder, name)) as [string, string];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', String(days)];
  // The clock of the surroundings stands on a day that is over.
  execFileSync(
    'openssl',
    ['req', '-x509', ...kind, '-subj', '/CN=host', '-keyout', key, '-out', certificate],
    {
      stdio: 'ignore',
    },
  );
  return { ca: certificate, certificate, key };
}

test('certificates are copied with modes that keep the key to its owner, and never shown', async (t) => {
  const { ca, certificate, key } = certificates(t);
  const made = host(t, INSTALLED);
  const words = ['--zeek', `brokers://${ZEEK}`, '--ca', ca, '--certificate', certificate, '--key', key];
  await setUpAndBack(
    made,
    (said) => {
      const tls = 'etc/osquery/bro-osquery/tls';
      assert.equal(made.read(`${tls}/key.pem`), readFileSync(key, 'utf8'));
      assert.equal(made.mode(`${tls}/key.pem`), 0o600);
      assert.equal(made.mode(`${tls}/ca.pem`), 0o644);
      assert.deepEqual(JSON.parse(made.read(CONFIG)).bro.tls, {
        ca: `/${tls}/ca.pem`,
        certificate: `/${tls}/certificate.pem`,
        key: `/${tls}/key.pem`,
        require_authentication: true,
      });
      assert.doesNotMatch(said, /PRIVATE KEY/);
      assert.match(said, /^make \/etc\/osquery\/bro-osquery\/tls\/key\.pem \(not shown\)$/m);
    },
    words,
  );
});

test('certificates that are none, or whose key is another, are refused before anything is changed', async (t) => {
  const one = certificates(t);
  const other = certificates(t);
  const made = host(t, INSTALLED);
  const before = made.everything();
  const refused = async (message: RegExp, ...words: readonly string[]) => {
    await assert.rejects(made.setup('--zeek', ZEEK, ...words), { name: 'SetupError', message });
    assert.deepEqual(made.everything(), before);
  };
  await refused(/needs its key/, '--certificate', one.certificate);
  await refused(/is not the key of/, '--certificate', one.certificate, '--key', other.key);
  await refused(/is not a certificate in PEM/, '--ca', one.key);
  await refused(/can't read/, '--ca', join(made.root, 'nothing'));
});

test('what was changed since can not be undone, and nothing is', async (t) => {
  const made = host(t, { ...INSTALLED, [FLAGS]: '--verbose\n' });
  await made.setup('--zeek', ZEEK);
  writeFileSync(join(made.root, FLAGS), `${made.read(FLAGS)}--mine=1\n`);
  const before = made.everything();
  await assert.rejects(made.setup('--undo'), {
    name: 'SetupError',
    message:
      /changed since setup, so nothing was undone: \/etc\/osquery\/osquery\.flags \(as it was before: \/etc\/osquery\/bro-osquery\/runs\/1\/copy-\d\)/,
  });
  assert.deepEqual(made.everything(), before);
});

test('runs are undone one by one, the last first', async (t) => {
  const made = host(t, INSTALLED);
  const before = made.everything();
  await made.setup('--zeek', 'one.example');
  const first = made.everything();
  await made.setup('--zeek', 'two.example');
  assert.match((await made.setup('--undo')).said, /1 earlier run can be undone/);
  assert.deepEqual(made.everything(), first);
  await made.setup('--undo');
  assert.deepEqual(made.everything(), before);
});

test('a run that was cut off in the middle can be undone', async (t) => {
  const made = host(t, { ...INSTALLED, [FLAGS]: '--verbose\n' });
  const before = made.everything();
  await made.setup('--zeek', ZEEK);
  // The flagfile is written last: as if the machine had gone down before.
  writeFileSync(join(made.root, FLAGS), '--verbose\n');
  await made.setup('--undo');
  assert.deepEqual(made.everything(), before);
});

test('a wrong address, or none, is an error of the command line', async (t) => {
  const made = host(t, INSTALLED);
  const { io } = surroundings();
  for (const words of [[], ['--zeek', 'http://x']]) {
    const command = setupCommand(io, { platform: 'linux', user, executable: undefined }).exitOverride();
    command.configureOutput({ writeErr: () => undefined });
    await assert.rejects(command.parseAsync(['--root', made.root, ...words], { from: 'user' }), {
      name: 'CommanderError',
    });
  }
});

test('on macOS the places are those of osquery there', async (t) => {
  const mac = host(
    t,
    { 'usr/local/lib/osquery/extensions/bro-osquery.ext': { content: 'x', mode: 0o755 } },
    { platform: 'darwin' },
  );
  await setUpAndBack(mac, () => {
    assert.equal(
      mac.read('private/var/osquery/extensions.load'),
      '/usr/local/lib/osquery/extensions/bro-osquery.ext\n',
    );
    assert.match(
      mac.read('private/var/osquery/osquery.flags'),
      /^--extensions_autoload=\/private\/var\/osquery\/extensions\.load$/m,
    );
  });
});
