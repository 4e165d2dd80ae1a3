import { createHash } from 'node:crypto';

/** A part of the software, in CycloneDX's words. */
interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly [key: string]: unknown;
}

interface Bom {
  readonly metadata: { readonly component: Component; readonly [key: string]: unknown };
  readonly components: readonly Component[];
  readonly dependencies?: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
  readonly [key: string]: unknown;
}

export interface SbomFacts {
  /** What `npm sbom --sbom-format cyclonedx` says of everything that is installed. */
  readonly npm: string;
  /** Names of the packages of npm that the executable holds something of. */
  readonly bundled: ReadonlySet<string>;
  /** `process.versions` of the Node inside: itself and what it is linked with. */
  readonly node: Readonly<Record<string, string>>;
  readonly date: Date;
}

/** The SBOM of the executable: npm's own, without what only builds, with Node; the same each time. */
export function sbomOf({ npm, bundled, node, date }: SbomFacts): string {
  const bom = JSON.parse(npm) as Bom;
  const components = bom.components.filter(({ name }) => bundled.has(name));
  const kept = new Set([bom.metadata.component['bom-ref'], ...components.map((one) => one['bom-ref'])]);
  const content = {
    ...bom,
    metadata: {
      ...bom.metadata,
      timestamp: date.toISOString(),
      // npm calls it by its folder, and a library.
      component: { ...bom.metadata.component, name: 'bro-osquery', type: 'application' },
    },
    components: [nodeComponent(node), ...components],
    dependencies: bom.dependencies
      ?.filter(({ ref }) => kept.has(ref))
      .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((one) => kept.has(one)) })),
  };
  return `${JSON.stringify({ ...content, serialNumber: serialNumber(JSON.stringify({ ...content, serialNumber: '' })) }, null, 2)}\n`;
}

/** Node, with the libraries that are linked into it. */
function nodeComponent(versions: Readonly<Record<string, string>>): Component {
  const { node = '', ...libraries } = versions;
  return {
    'bom-ref': `node@${node}`,
    type: 'application',
    name: 'node',
    version: node,
    purl: `pkg:generic/node@${node}`,
    cpe: `cpe:2.3:a:nodejs:node.js:${node}:*:*:*:*:*:*:*`,
    licenses: [{ license: { id: 'MIT' } }],
    components: Object.entries(libraries)
      // Numbers of interfaces, not of software.
      .filter(([name]) => !['modules', 'napi'].includes(name))
      .map(([name, version]) => ({ 'bom-ref': `node/${name}@${version}`, type: 'library', name, version })),
  };
}

/** A UUID (version 8, by own rule) out of what the SBOM says. */
function serialNumber(content: string): string {
  const hash = createHash('sha256').update(content).digest('hex');
  const parts = [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(13, 16)}`, `8${hash.slice(17, 20)}`];
  return `urn:uuid:${parts.join('-')}-${hash.slice(20, 32)}`;
}
