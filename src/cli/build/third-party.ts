import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/**
 * The licenses of what the binary holds beside our own program: Node, and the packages of npm that the bundle has
 * taken something of.
 * @param inputs the files of the bundle, from the root
 * @param node the folder of the package of npm that brings Node
 */
export function thirdPartyLicenses(root: string, inputs: readonly string[], node: string): string {
  return [node, ...bundledPackages(inputs).map((folder) => join(root, folder))].map(licenseOf).join('\n');
}

/** The folders of the packages of npm that the bundle has something of, from the root. */
export function bundledPackages(inputs: readonly string[]): readonly string[] {
  return [...new Set(inputs.flatMap((input) => packageOf(input)))].sort();
}

/** The folder of the package that a file belongs to; none for a file of ours. */
function packageOf(input: string): string[] {
  const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
  return found?.[1] === undefined ? [] : [found[1]];
}

/** The package of npm that brings this machine's Node; the one named `node` depends on it. */
export function hostNode(root: string): string {
  const node = join(root, 'node_modules/node/package.json');
  return dirname(createRequire(node).resolve(`node-${process.platform}-${process.arch}/package.json`));
}

function licenseOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const files = existsSync(folder)
    ? readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
    : [];
  const texts = files.sort().map((file) => readFileSync(join(folder, file), 'utf8').trim());
  const title = `${name} ${version}${license === undefined ? '' : `, ${license}`}`;
  return `${'='.repeat(78)}\n${title}\n${'='.repeat(78)}\n\n${texts.join('\n\n')}${texts.length > 0 ? '\n' : ''}`;
}
