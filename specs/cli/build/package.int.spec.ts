import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { gunzipSync } from 'node:zlib';

/** The Debian package, installed into a folder of its own; `make test` builds the binary that it holds first. */

const root = join(import.meta.dirname, '../../..');
const EXTENSION = '/usr/lib/osquery/extensions/bro-osquery.ext';
const folder = mkdtempSync(join(tmpdir(), 'bro-package-'));
let deb = '';

function build(): string {
  const script = join(root, 'src/cli/build/package.ts');
  // Compressing takes a minute, and dpkg unpacks what isn't compressed the same way.
  const args = ['--import', 'tsx', script, '--to', folder, '--compression', 'none'];
  return execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' }).trim();
}

const skip = spawnSync('dpkg-deb', ['--version']).error ? 'there is no dpkg here' : false;

before(() => {
  if (skip) return;
  deb = build();
});

after(() => rmSync(folder, { recursive: true, force: true }));

interface Installation {
  readonly path: (path: string) => string;
  readonly dpkg: (...args: readonly string[]) => void;
  /** Runs a script of the package as dpkg does. */
  readonly script: (name: string, ...args: readonly string[]) => void;
  /** The text of extensions.load, undefined if there is none. */
  readonly load: () => string | undefined;
}

/** An empty system; with extensions.load, if its text is given. */
function system(t: TestContext, load?: string): Installation {
  const target = mkdtempSync(join(tmpdir(), 'bro-system-'));
  t.after(() => rmSync(target, { recursive: true, force: true }));
  const path = (name: string) => join(target, name);
  for (const name of ['var/lib/dpkg/info', 'var/lib/dpkg/updates', 'usr/bin']) {
    mkdirSync(path(name), { recursive: true });
  }
  writeFileSync(path('var/lib/dpkg/status'), '');
  if (load !== undefined) {
    mkdirSync(path('etc/osquery'), { recursive: true });
    writeFileSync(path('etc/osquery/extensions.load'), load);
  }
  const file = path('etc/osquery/extensions.load');
  return {
    path,
    dpkg: (...args) => {
      // Nothing here is a system but for dpkg: no libraries, no root, no need to outlive a loss of power.
      const forced = '--force-depends,script-chrootless,not-root,bad-path,unsafe-io';
      const flags = [`--root=${target}`, '--log=/dev/null', forced];
      execFileSync('dpkg', [...flags, ...args], { stdio: 'pipe' });
    },
    script: (name, ...args) => {
      const env = { ...process.env, DPKG_ROOT: target };
      execFileSync(path(`var/lib/dpkg/info/bro-osquery.${name}`), args, { stdio: 'pipe', env });
    },
    load: () => (existsSync(file) ? readFileSync(file, 'utf8') : undefined),
  };
}

/** Everything but what dpkg keeps for itself. */
function filesOf({ path }: Installation): string[] {
  return globSync('**/*', { cwd: path('.') })
    .filter((name) => !name.startsWith('var/lib/dpkg'))
    .filter((name) => !statSync(path(name)).isDirectory())
    .sort();
}

test('it installs where osquery looks, runs, and leaves without a trace', { skip }, (t) => {
  const { path, dpkg, load, ...rest } = system(t);
  dpkg('--install', deb);
  assert.equal(load(), `${EXTENSION}\n`);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const program of [EXTENSION, 'usr/bin/bro-osquery']) {
    const said = execFileSync(path(program), ['--version'], { cwd: '/', env: {}, encoding: 'utf8' });
    assert.equal(said, `${version}\n`);
  }
  const { mode, uid } = statSync(path(EXTENSION));
  assert.equal(mode & 0o777, 0o755);
  assert.equal(uid, process.getuid?.() === 0 ? 0 : uid);
  dpkg('--remove', 'bro-osquery');
  dpkg('--purge', 'bro-osquery');
  assert.deepEqual(filesOf({ path, dpkg, load, ...rest }), []);
  for (const left of ['etc/osquery', 'usr/lib/osquery', 'usr/share'])
    assert.ok(!existsSync(path(left)), left);
});

test('a removal keeps the state, a purge takes it and nothing else', { skip }, (t) => {
  const { path, dpkg } = system(t);
  dpkg('--install', deb);
  for (const name of ['var/osquery/bro-osquery/journal/00000001', 'var/osquery/osquery.db/CURRENT']) {
    mkdirSync(dirname(path(name)), { recursive: true });
    writeFileSync(path(name), 'rows');
  }
  dpkg('--remove', 'bro-osquery');
  assert.ok(existsSync(path('var/osquery/bro-osquery/journal/00000001')));
  dpkg('--purge', 'bro-osquery');
  assert.deepEqual(readdirSync(path('var/osquery')), ['osquery.db']);
});

test('the lines of others in extensions.load stay as they are, whatever is done how often', { skip }, (t) => {
  const others = '# ours\n\n/opt/one.ext\n/opt/bro-osquery.ext\n/opt/two.ext';
  const { dpkg, script, load } = system(t, others);
  dpkg('--install', deb);
  assert.equal(load(), `${others}\n${EXTENSION}\n`);
  dpkg('--install', deb);
  script('postinst', 'configure', '0.0.1');
  script('prerm', 'upgrade', '99');
  script('postinst', 'abort-upgrade', '99');
  assert.equal(load(), `${others}\n${EXTENSION}\n`);
  script('prerm', 'remove');
  script('prerm', 'remove');
  assert.equal(load(), `${others}\n`);
  script('postinst', 'abort-remove');
  assert.equal(load(), `${others}\n${EXTENSION}\n`);
  dpkg('--remove', 'bro-osquery');
  assert.equal(load(), `${others}\n`);
});

test('an operator who has made a comment of the line has it stay one', { skip }, (t) => {
  const { dpkg, load } = system(t, `# ${EXTENSION}\n`);
  dpkg('--install', deb);
  dpkg('--remove', 'bro-osquery');
  assert.equal(load(), `# ${EXTENSION}\n`);
});

test('its documents say what it is: manual, examples, licenses, changelog, checksums', { skip }, (t) => {
  const { path, dpkg } = system(t);
  dpkg('--install', deb);
  const unzipped = (name: string) => gunzipSync(readFileSync(path(name))).toString('utf8');
  const documents = 'usr/share/doc/bro-osquery';
  const manual = unzipped('usr/share/man/man1/bro-osquery.1.gz');
  for (const command of ['extension', 'bro', 'replay', 'log'])
    assert.ok(manual.includes(`\n.SS ${command}\n`));
  const examples = readdirSync(path(`${documents}/examples`)).filter((name) => name.endsWith('.json'));
  assert.deepEqual(examples.sort(), globSync('*.json', { cwd: join(root, 'fixtures/config') }).sort());
  assert.match(readFileSync(path(`${documents}/copyright`), 'utf8'), /^License: BSD-3-Clause$/m);
  const licenses = unzipped(`${documents}/third-party.txt.gz`);
  for (const name of ['node-linux', 'thrift', 'xstate', 'zod']) {
    assert.match(licenses, new RegExp(`^${name}\\S* \\d`, 'm'));
  }
  assert.ok(!/^tsx /m.test(licenses), 'what only builds is not passed on');
  assert.match(
    unzipped(`${documents}/changelog.Debian.gz`),
    /^bro-osquery \(.*-1\) stable; urgency=medium\n/,
  );
  const sums = readFileSync(path('var/lib/dpkg/info/bro-osquery.md5sums'), 'utf8');
  execFileSync('md5sum', ['--check', '--strict', '--quiet'], { cwd: path('.'), input: sums });
});

test('it depends on every library that the binary loads', { skip }, () => {
  const packages: Readonly<Record<string, string>> = {
    'libatomic.so.1': 'libatomic1',
    'libgcc_s.so.1': 'libgcc-s1',
    'libstdc++.so.6': 'libstdc++6',
  };
  const loaded = execFileSync('ldd', [join(root, 'dist/bro-osquery.ext')], { encoding: 'utf8' });
  const libraries = [...loaded.matchAll(/^\s+(\S+\.so\S*) => /gm)].map(([, name = '']) => name);
  const depends = execFileSync('dpkg-deb', ['--field', deb, 'Depends'], { encoding: 'utf8' });
  const named = depends
    .trim()
    .split(/,\s*/)
    .map((one) => one.split(' ')[0]);
  assert.ok(libraries.length > 0, loaded);
  for (const library of libraries) {
    const needed = packages[library] ?? 'libc6';
    assert.ok(named.includes(needed), `${library} is of ${needed}, which is not among ${depends}`);
  }
});
