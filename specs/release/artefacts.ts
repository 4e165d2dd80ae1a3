import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { TOPICS } from '../../src/cli/manual/topics.ts';

/**
 * A whole release, made here and looked into: `make check-release`. It takes long (a quarter of an hour on two cores,
 * as it is made twice) and 3 GB, so that it is no part of `make test`. `RELEASE=FOLDER` looks into one that is there.
 */

const root = join(import.meta.dirname, '../..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const work = mkdtempSync(join(tmpdir(), 'bro-release-'));
const given = process.env['RELEASE'];
const release = given ?? join(work, 'one');
const EXTENSION = 'usr/lib/osquery/extensions/bro-osquery.ext';
const LOAD = 'etc/osquery/extensions.load';

function makeRelease(to: string): void {
  execFileSync('node', ['--import', 'tsx', join(root, 'src/cli/build/release.ts'), '--quick', '--to', to], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

before(() => {
  if (given === undefined) makeRelease(release);
});

after(() => rmSync(work, { recursive: true, force: true }));

function folder(t: TestContext): string {
  const path = mkdtempSync(join(work, 'folder-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const run = (program: string, ...words: readonly string[]) =>
  execFileSync(program, words, { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] });

/** All files below, by their paths. */
function filesOf(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => !lstatSync(join(path, name)).isDirectory())
    .sort();
}

function unpack(t: TestContext, name: string): string {
  const to = folder(t);
  const path = join(release, name);
  if (name.endsWith('.zip')) run('python3', '-m', 'zipfile', '-e', path, to);
  else run('tar', '-xzf', path, '-C', to);
  return to;
}

const EXAMPLES = globSync('*.json', { cwd: join(root, 'fixtures/config') });

test('it has an artefact for every platform, and the checksum of each', () => {
  const names = [
    ...['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'].map(
      (one) => `bro-osquery-${version}-${one}.tar.gz`,
    ),
    `bro-osquery-${version}-win-x64.zip`,
    ...['amd64', 'arm64'].map((one) => `bro-osquery_${version}-1_${one}.deb`),
    ...['x86_64', 'aarch64'].map((one) => `bro-osquery-${version}-1.${one}.rpm`),
    ...['.cdx.json', '-third-party.txt'].map((end) => `bro-osquery-${version}${end}`),
    `bro-osquery-zeek-${version}.tar.gz`,
    ...['bro-osquery-daemonset.yaml', 'bro-osquery.Dockerfile', 'SHA256SUMS'],
  ];
  assert.deepEqual(readdirSync(release).sort(), names.sort());
  execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'SHA256SUMS'], { cwd: release });
  const sums = readFileSync(join(release, 'SHA256SUMS'), 'utf8').trim().split('\n');
  assert.equal(sums.length, names.length - 1);
});

/** The beginning of an executable by platform: ELF and its machine, Mach-O and its processor, PE. */
function kindOf(path: string): string {
  const head = readFileSync(path).subarray(0, 4_096);
  if (head.readUInt32BE(0) === 0x7f454c46) return `ELF ${head.readUInt16LE(18)}`;
  if (head.readUInt32LE(0) === 0xfeedfacf) return `Mach-O ${head.readUInt32LE(4)}`;
  const pe = head.readUInt32LE(0x3c);
  return `PE ${head.readUInt16LE(pe + 4)}`;
}

for (const [target, kind, file] of [
  ['linux-x64', `ELF ${0x3e}`, 'bro-osquery.ext'],
  ['linux-arm64', `ELF ${0xb7}`, 'bro-osquery.ext'],
  ['darwin-x64', `Mach-O ${0x1000007}`, 'bro-osquery.ext'],
  ['darwin-arm64', `Mach-O ${0x100000c}`, 'bro-osquery.ext'],
  ['win-x64', `PE ${0x8664}`, 'bro-osquery.ext.exe'],
] as const) {
  test(`the archive for ${target} has the executable for it, with all that belongs to it`, (t) => {
    const isWindows = target === 'win-x64';
    const name = `bro-osquery-${version}-${target}`;
    const unpacked = unpack(t, `${name}.${isWindows ? 'zip' : 'tar.gz'}`);
    assert.deepEqual(readdirSync(unpacked), [name]);
    const at = join(unpacked, name);
    assert.equal(kindOf(join(at, file)), kind);
    const scripts = {
      linux: [],
      darwin: ['check.sh', 'entitlements.plist', 'install.sh'],
      win: ['check.ps1', 'install.ps1'],
    };
    const manual = ['man/man1/bro-osquery.1', ...TOPICS.map((topic) => `man/man7/bro-osquery-${topic}.7`)];
    const expected = [
      ...[file, 'LICENSE', 'CHANGELOG.md', 'third-party.txt'],
      ...EXAMPLES.map((example) => `examples/${example}`),
      ...(isWindows ? [] : manual),
      ...scripts[target.split('-')[0] as keyof typeof scripts],
    ];
    assert.deepEqual(filesOf(at), expected.sort());
    if (!isWindows) assert.equal(statSync(join(at, file)).mode & 0o777, 0o755);
    const license = readFileSync(join(at, 'LICENSE'), 'utf8');
    assert.equal(license.includes('\r\n'), isWindows);
    // The program is inside, and none of the machine that built it.
    const program = readFileSync(join(at, file));
    assert.ok(program.includes('make this osquery host a live sensor'));
    assert.ok(!program.includes(root), 'no path of the machine that built it');
  });
}

test('the executables for macOS have an ad-hoc signature that fits every page', (t) => {
  for (const target of ['darwin-x64', 'darwin-arm64']) {
    const name = `bro-osquery-${version}-${target}`;
    const file = readFileSync(join(unpack(t, `${name}.tar.gz`), name, 'bro-osquery.ext'));
    checkSignature(file);
  }
});

/** After Apple's cs_blobs.h: a superblob with one code directory, which has the SHA-256 of each page. */
function checkSignature(file: Buffer): void {
  let at = 32;
  let signature: Buffer | undefined;
  for (let command = 0; command < file.readUInt32LE(16); command += 1) {
    if (file.readUInt32LE(at) === 0x1d) {
      const start = file.readUInt32LE(at + 8);
      signature = file.subarray(start, start + file.readUInt32LE(at + 12));
      assert.equal(start + signature.length, file.length);
    }
    at += file.readUInt32LE(at + 4);
  }
  assert.ok(signature);
  assert.equal(signature.readUInt32BE(0), 0xfade0cc0);
  const directory = signature.subarray(signature.readUInt32BE(16));
  assert.equal(directory.readUInt32BE(0), 0xfade0c02);
  assert.ok((directory.readUInt32BE(12) & 2) !== 0, 'CS_ADHOC');
  const [hashes, identifier, , pages, limit] = [16, 20, 24, 28, 32].map((place) =>
    directory.readUInt32BE(place),
  );
  assert.ok(hashes !== undefined && identifier !== undefined && pages !== undefined && limit !== undefined);
  assert.equal(directory.toString('latin1', identifier, identifier + 15), 'bro-osquery.ext');
  const [size, kind, , shift = 0] = directory.subarray(36, 40);
  assert.deepEqual([size, kind], [32, 2]);
  const length = 2 ** shift;
  assert.equal(pages, Math.ceil(limit / length));
  for (let page = 0; page < pages; page += 1) {
    const bytes = file.subarray(page * length, Math.min((page + 1) * length, limit));
    const hash = directory.subarray(hashes + page * 32, hashes + (page + 1) * 32);
    assert.ok(createHash('sha256').update(bytes).digest().equals(hash), `page ${page}`);
  }
}

const DOCUMENTS = 'usr/share/doc/bro-osquery';
const INSTALLED = [
  EXTENSION,
  'usr/bin/bro-osquery',
  `${DOCUMENTS}/third-party.txt.gz`,
  `${DOCUMENTS}/examples/osquery.flags`,
  ...EXAMPLES.map((example) => `${DOCUMENTS}/examples/${example}`),
  'usr/share/man/man1/bro-osquery.1.gz',
  ...TOPICS.map((topic) => `usr/share/man/man7/bro-osquery-${topic}.7.gz`),
];

for (const [architecture, kind] of [
  ['amd64', 0x3e],
  ['arm64', 0xb7],
] as const) {
  test(`the .deb for ${architecture} installs, upgrades, is removed and purged, and leaves what it should`, (t) => {
    const deb = join(release, `bro-osquery_${version}-1_${architecture}.deb`);
    const field = (name: string) => run('dpkg-deb', '--field', deb, name).trim();
    assert.deepEqual([field('Version'), field('Architecture')], [`${version}-1`, architecture]);
    const system = folder(t);
    for (const name of ['var/lib/dpkg/info', 'var/lib/dpkg/updates'])
      mkdirSync(join(system, name), { recursive: true });
    execFileSync('touch', [join(system, 'var/lib/dpkg/status')]);
    const dpkg = (...words: readonly string[]) => {
      const forced = '--force-depends,script-chrootless,not-root,bad-path,unsafe-io,architecture';
      execFileSync('dpkg', [`--root=${system}`, '--log=/dev/null', forced, ...words], { stdio: 'pipe' });
    };
    dpkg('--install', deb);
    const files = filesOf(system).filter((name) => !name.startsWith('var/lib/dpkg'));
    const own = [
      `${DOCUMENTS}/changelog.Debian.gz`,
      `${DOCUMENTS}/copyright`,
      'usr/share/lintian/overrides/bro-osquery',
    ];
    assert.deepEqual(files, [...INSTALLED, ...own, LOAD].sort());
    assert.equal(kindOf(join(system, EXTENSION)), `ELF ${kind}`);
    dpkg('--install', deb);
    assert.equal(readFileSync(join(system, LOAD), 'utf8'), `/${EXTENSION}\n`);
    mkdirSync(join(system, 'var/osquery/bro-osquery'), { recursive: true });
    execFileSync('touch', [
      join(system, 'var/osquery/bro-osquery/state'),
      join(system, 'var/osquery/theirs'),
    ]);
    dpkg('--remove', 'bro-osquery');
    assert.ok(existsSync(join(system, 'var/osquery/bro-osquery/state')));
    assert.ok(!existsSync(join(system, LOAD)));
    dpkg('--purge', 'bro-osquery');
    const left = filesOf(system).filter((name) => !name.startsWith('var/lib/dpkg'));
    assert.deepEqual(left, ['var/osquery/theirs']);
  });
}

/** A root with a shell and what the scripts call, which rpm enters before it runs them. */
function systemWithShell(t: TestContext): string {
  const system = folder(t);
  const programs = ['sh', 'mkdir', 'grep', 'tail', 'cat', 'rm', 'rmdir', 'touch'];
  for (const name of programs) {
    const path = run('sh', '-c', `command -v ${name}`).trim();
    const libraries = [...run('ldd', path).matchAll(/(\/\S+\.so\S*)/g)].map(([, library = '']) => library);
    for (const file of [path, ...libraries]) {
      mkdirSync(join(system, dirname(file)), { recursive: true });
      copyFileSync(file, join(system, file));
    }
  }
  for (const name of ['bin', 'dev']) mkdirSync(join(system, name), { recursive: true });
  // A file does where no device can be made.
  execFileSync('touch', [join(system, 'dev/null')]);
  if (!existsSync(join(system, 'bin/sh'))) copyFileSync(join(system, 'usr/bin/sh'), join(system, 'bin/sh'));
  return system;
}

const skip =
  process.getuid?.() === 0
    ? false
    : 'rpm enters the root of the system that it installs into, as root alone may';

for (const [architecture, kind] of [
  ['x86_64', 0x3e],
  ['aarch64', 0xb7],
] as const) {
  test(`the .rpm for ${architecture} installs, upgrades and is removed, and leaves what it should`, {
    skip,
  }, (t) => {
    const file = join(release, `bro-osquery-${version}-1.${architecture}.rpm`);
    const tags = run('rpm', '-qp', '--queryformat', '%{VERSION} %{ARCH} %{LICENSE} %{BUILDHOST}', file);
    assert.equal(tags, `${version} ${architecture} BSD-3-Clause localhost`);
    execFileSync('rpm', ['--checksig', '--nosignature', file], { stdio: 'pipe' });
    assert.match(run('rpm', '-qp', '--requires', file), /^libatomic\.so\.1\(\)\(64bit\)$/m);
    const system = systemWithShell(t);
    const before = filesOf(system);
    const rpm = (...words: readonly string[]) => {
      const ignored = ['--nodeps', '--ignorearch', '--nosignature'];
      const said = spawnSync(
        'rpm',
        [
          '--root',
          system,
          ...words.slice(0, 1),
          ...ignored.slice(0, words[0] === '-e' ? 1 : 3),
          ...words.slice(1),
        ],
        {
          encoding: 'utf8',
        },
      );
      assert.equal(said.status, 0, said.stderr);
      assert.doesNotMatch(said.stderr, /scriptlet failed/);
    };
    const ours = () =>
      filesOf(system).filter(
        (name) => !before.includes(name) && !/^(var\/lib\/rpm|usr\/lib\/sysimage|root)/.test(name),
      );
    rpm('-U', file);
    const own = [`${DOCUMENTS}/LICENSE`, `${DOCUMENTS}/CHANGELOG.md`];
    assert.deepEqual(ours(), [...INSTALLED, ...own, LOAD].sort());
    assert.equal(kindOf(join(system, EXTENSION)), `ELF ${kind}`);
    assert.equal(readFileSync(join(system, LOAD), 'utf8'), `/${EXTENSION}\n`);
    rpm('-U', '--replacepkgs', file);
    assert.equal(readFileSync(join(system, LOAD), 'utf8'), `/${EXTENSION}\n`);
    mkdirSync(join(system, 'var/osquery/bro-osquery'), { recursive: true });
    execFileSync('touch', [join(system, 'var/osquery/bro-osquery/state')]);
    rpm('-e', 'bro-osquery');
    assert.deepEqual(ours(), ['var/osquery/bro-osquery/state']);
  });
}

test('the SBOM has Node, and every package of npm whose licence is told', () => {
  const bom = JSON.parse(readFileSync(join(release, `bro-osquery-${version}.cdx.json`), 'utf8'));
  assert.deepEqual(
    [bom.bomFormat, bom.metadata.component.name, bom.metadata.component.version],
    ['CycloneDX', 'bro-osquery', version],
  );
  const components: { name: string; version: string; purl: string }[] = bom.components;
  const licenses = readFileSync(join(release, `bro-osquery-${version}-third-party.txt`), 'utf8');
  const told = [...licenses.matchAll(/^={78}\n(\S+) (\S+?),? .*\n={78}$/gm)].map(([, name = '', number]) =>
    name.startsWith('node-linux') ? `node ${number}` : `${name} ${number}`,
  );
  assert.deepEqual(components.map((one) => `${one.name} ${one.version}`).sort(), told.sort());
  assert.ok(told.length > 15);
});

test('the Zeek package is whole', (t) => {
  const name = `bro-osquery-zeek-${version}`;
  const at = join(unpack(t, `${name}.tar.gz`), name);
  const sources = run('git', '-C', root, 'ls-files', 'zkg.meta', 'zeek').trim().split('\n');
  assert.deepEqual(filesOf(at), [...sources, 'LICENSE'].sort());
  for (const path of sources)
    assert.ok(readFileSync(join(at, path)).equals(readFileSync(join(root, path))), path);
});

test('what belongs to Kubernetes names this version', () => {
  for (const name of ['bro-osquery-daemonset.yaml', 'bro-osquery.Dockerfile']) {
    const text = readFileSync(join(release, name), 'utf8');
    assert.ok(text.includes(version));
    assert.ok(!/VERSION\b/.test(text.replaceAll(/^#.*$/gm, '')), name);
  }
});

test('the executable for this machine runs out of its archive', (t) => {
  const name = `bro-osquery-${version}-linux-${process.arch}`;
  const executable = join(unpack(t, `${name}.tar.gz`), name, 'bro-osquery.ext');
  const said = execFileSync(executable, ['--version'], { encoding: 'utf8', env: {}, cwd: '/' });
  assert.equal(said, `${version}\n`);
});

test('made once more from another folder, every artefact is the same, byte for byte', {
  skip: given !== undefined,
}, (t) => {
  const clone = folder(t);
  run('git', 'clone', '--quiet', root, clone);
  cpSync(join(root, 'node_modules'), join(clone, 'node_modules'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  mkdirSync(join(clone, '.cache'));
  cpSync(join(root, '.cache/nodes'), join(clone, '.cache/nodes'), { recursive: true });
  const again = join(clone, 'dist/release');
  execFileSync('node', ['--import', 'tsx', join(clone, 'src/cli/build/release.ts'), '--quick'], {
    cwd: clone,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const sums = (path: string) => readFileSync(join(path, 'SHA256SUMS'), 'utf8');
  assert.equal(sums(again), sums(release), `${basename(again)} differs`);
});
