import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { withRoomForSignature } from '../../../src/cli/build/mach-o.ts';
import { roffPage } from '../../../src/cli/build/roff.ts';
import { sbomOf } from '../../../src/cli/build/sbom.ts';
import { TARGETS } from '../../../src/cli/build/targets.ts';
import { flagsOfFile } from '../../../src/cli/doctor/flags.ts';
import { manualPages } from '../../../src/cli/manual/pages.ts';
import { withOurFlags } from '../../../src/cli/setup/flags.ts';
import { aclCommands } from '../../../src/cli/setup/windows-acl.ts';
import { parseSettings } from '../../../src/config/parse.ts';
import { flagAdvice } from '../../../src/osquery/flag-advice.ts';
import { osqueryLayout } from '../../../src/osquery/layout.ts';

/** The parts of a release that need no release to be looked at; `make check-release` looks into a whole one. */

const root = join(import.meta.dirname, '../../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const build = (path: string) => read(`src/cli/build/${path}`);

test('every platform gets the same version of Node, that of the lock file, with a checksum', () => {
  const { node } = JSON.parse(read('package.json')).devDependencies;
  const { packages } = JSON.parse(build('nodes/package-lock.json'));
  for (const target of TARGETS) {
    const locked = packages[`node_modules/${target.node}`];
    assert.equal(locked.version, node, target.name);
    assert.match(locked.integrity, /^sha512-/);
    assert.deepEqual([[locked.os].flat(), [locked.cpu].flat()], [[target.platform], [target.arch]]);
  }
});

test("Kubernetes' manifest has the flags and a configuration that the extension needs", () => {
  const documents = parseAllDocuments(build('kubernetes/bro-osquery-daemonset.yaml'), { merge: true }).map(
    (document) => {
      assert.deepEqual(document.errors, []);
      return document.toJS();
    },
  );
  assert.deepEqual(
    documents.map(({ kind }) => kind),
    ['Namespace', 'ConfigMap', 'DaemonSet'],
  );
  const [, { data }, { spec }] = documents;
  const flags = data['osquery.flags'];
  const layout = osqueryLayout('linux');
  const wanted = { autoload: layout.autoload, defaultAutoload: layout.autoload };
  assert.deepEqual(withOurFlags(flags, wanted), { text: flags, notes: [] });
  assert.deepEqual(flagAdvice(flagsOfFile(flags), { oneTimeQueries: 'query' }), []);
  assert.equal(data['extensions.load'], `${layout.extension}\n`);
  const parsed = parseSettings(JSON.parse(data['osquery.conf']).bro);
  assert.ok('settings' in parsed, JSON.stringify(parsed));
  assert.deepEqual(parsed.warnings, []);
  assert.equal(parsed.settings.endpoints[0]?.tls.requireAuthentication, true);
  // Every volume is mounted, and what osqueryd keeps is on one that outlives the pod.
  const { containers, volumes } = spec.template.spec;
  const mounts: { name: string; mountPath: string }[] = containers[0].volumeMounts;
  assert.deepEqual(
    mounts.map(({ name }) => name).sort(),
    volumes.map(({ name }: { name: string }) => name).sort(),
  );
  assert.ok(mounts.some(({ mountPath }) => layout.state.startsWith(mountPath)));
  assert.deepEqual(spec.selector.matchLabels, spec.template.metadata.labels);
});

test('the scripts for macOS and Windows name the places that the extension and setup know', () => {
  const mac = osqueryLayout('darwin');
  for (const script of ['macos/install.sh', 'macos/check.sh']) {
    const folder = mac.extension.slice(0, mac.extension.lastIndexOf('/'));
    assert.ok(build(script).includes(folder), script);
  }
  assert.ok(build('macos/check.sh').includes(mac.socket));
  const windows = osqueryLayout('win32');
  const folder = windows.extension.slice(0, windows.extension.lastIndexOf('\\'));
  assert.ok(build('windows/install.ps1').includes(folder));
  assert.ok(build('windows/install.ps1').includes("'bro-osquery.ext.exe'"));
  assert.ok(build('windows/check.ps1').includes(windows.socket));
});

test('on Windows Administrators own what osqueryd loads, nothing is inherited, and nobody else may write', () => {
  assert.deepEqual(aclCommands('C:\\x.ext.exe', 'file'), [
    ['C:\\x.ext.exe', '/setowner', '*S-1-5-32-544'],
    ['C:\\x.ext.exe', '/inheritance:r', '/grant:r', '*S-1-5-18:F', '*S-1-5-32-544:F', '*S-1-5-32-545:RX'],
  ]);
  assert.ok(
    !aclCommands('C:\\key.pem', 'secret')
      .flat()
      .some((word) => word.includes('S-1-5-32-545')),
  );
  assert.deepEqual(aclCommands('C:\\x', 'folder')[1]?.slice(3), [
    '*S-1-5-18:(OI)(CI)F',
    '*S-1-5-32-544:(OI)(CI)F',
    '*S-1-5-32-545:(OI)(CI)RX',
  ]);
});

test('a manual page has no macro that nobody meant, and every word of the page', async () => {
  for (const [topic, markdown] of Object.entries(await manualPages())) {
    const page = roffPage(topic, markdown, { version: '1.2.3', date: new Date(0) });
    const macros = new Set([...page.matchAll(/^[.'](\S*)/gm)].map(([, macro = '']) => macro));
    const known = ['TH', 'SH', 'SS', 'PP', 'TP', 'IP', 'EX', 'EE', 'br', 'BR', '\\"'];
    assert.deepEqual(
      [...macros].filter((macro) => !known.includes(macro)),
      [],
      topic,
    );
    assert.match(page, new RegExp(`^\\.TH BRO-OSQUERY-${topic.toUpperCase()} 7 "1970-01-01"`, 'm'));
  }
  const page = roffPage(
    't',
    '# T\n\n.one `two\\n` --three\n\n- four **five**\n\n| a | b |\n| --- | --- |\n| six | seven |\n',
    {
      version: '1',
      date: new Date(0),
    },
  );
  assert.match(page, /^\\&\.one \\fBtwo\\en\\fR \\-\\-three$/m);
  assert.match(page, /^\.IP \\\(bu 3\nfour \\fBfive\\fR$/m);
  assert.match(page, /^\.TP\nsix\nseven$/m);
});

test('the SBOM has what the executable holds, Node with its libraries, and is the same each time', () => {
  const npm = JSON.stringify({
    bomFormat: 'CycloneDX',
    serialNumber: `urn:uuid:${Math.random()}`,
    metadata: {
      timestamp: new Date().toISOString(),
      component: { 'bom-ref': 'x@1', name: 'folder', version: '1' },
    },
    components: ['thrift', 'elkjs'].map((name) => ({ 'bom-ref': `${name}@2`, name, version: '2' })),
    dependencies: [{ ref: 'x@1', dependsOn: ['thrift@2', 'elkjs@2'] }],
  });
  const facts = {
    bundled: new Set(['thrift']),
    node: { node: '26.0.0', zlib: '1', modules: '147' },
    date: new Date(0),
  };
  const bom = JSON.parse(sbomOf({ npm, ...facts }));
  assert.deepEqual(
    bom.components.map(({ name, components }: { name: string; components?: { name: string }[] }) => [
      name,
      components?.map((one) => one.name),
    ]),
    [
      ['node', ['zlib']],
      ['thrift', undefined],
    ],
  );
  assert.deepEqual(bom.dependencies, [{ ref: 'x@1', dependsOn: ['thrift@2'] }]);
  assert.equal(bom.metadata.component.name, 'bro-osquery');
  assert.match(bom.serialNumber, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  const other = npm
    .replace(/urn:uuid:[^"]*/, 'urn:uuid:other')
    .replace(/"timestamp":"[^"]*"/, '"timestamp":"now"');
  assert.equal(sbomOf({ npm: other, ...facts }), sbomOf({ npm, ...facts }));
});

/** A Mach-O file with one section and a last segment, as small as they come. */
function machO(room: number): Buffer {
  const commands = 152 + 72;
  const content = 32 + commands + room;
  const file = Buffer.alloc(content + 100);
  file.writeUInt32LE(0xfeedfacf, 0);
  file.writeUInt32LE(2, 16);
  file.writeUInt32LE(commands, 20);
  file.writeUInt32LE(0x19, 32);
  file.writeUInt32LE(152, 36);
  file.write('__TEXT', 40);
  file.writeUInt32LE(1, 32 + 64);
  file.writeUInt32LE(content, 32 + 72 + 48);
  const last = 32 + 152;
  file.writeUInt32LE(0x19, last);
  file.writeUInt32LE(72, last + 4);
  file.write('__LINKEDIT', last + 8);
  file.writeBigUInt64LE(BigInt(content), last + 40);
  file.writeBigUInt64LE(100n, last + 48);
  return file;
}

test('a Mach-O file gets a load command for its signature, and keeps everything else', () => {
  const file = machO(64);
  const signed = withRoomForSignature(file);
  const end = 32 + 152 + 72;
  const start = signed.length - 16;
  assert.equal(start % 16, 0);
  assert.deepEqual(
    [0, 4, 8, 12].map((at) => signed.readUInt32LE(end + at)),
    [0x1d, 16, start, 16],
  );
  assert.equal(signed.readUInt32LE(16), 3);
  assert.equal(signed.readBigUInt64LE(32 + 152 + 48), BigInt(signed.length - (end + 64)));
  assert.ok(signed.subarray(end + 16, file.length).equals(file.subarray(end + 16)));
  assert.throws(() => withRoomForSignature(signed), /signature already/);
  assert.throws(() => withRoomForSignature(machO(8)), /no room/);
  assert.throws(() => withRoomForSignature(Buffer.alloc(64)), /not a 64-bit Mach-O/);
});
