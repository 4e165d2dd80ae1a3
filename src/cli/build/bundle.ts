import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { zeekPackage } from '../demo/zeek-package.ts';
import { layOutCharts } from '../inspect/charts.ts';
import { manualPages } from '../manual/pages.ts';
import { bundlePage, bundleReport, CONSOLE_PAGE, filesOfPage, INSPECT_PAGE } from './page.ts';

/** What the bundle is called, in its folder. */
export const BUNDLE = 'bro-osquery.cjs';

/** What the layout engine is called beside it: an asset of the executable, which a sensor never has in its memory. */
export const LAYOUT_ENGINE = 'elk.cjs';

/**
 * Bundles the program into one file of CommonJS, the same for all platforms.
 * @returns the files that it was made of, from the root
 */
export async function bundleProgram(root: string, folder: string): Promise<readonly string[]> {
  mkdirSync(folder, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [join(root, 'src/cli/main.ts')],
    outfile: join(folder, BUNDLE),
    bundle: true,
    // Not names: stack traces in the log are to name functions, and to keep each function's name beside a letter costs time
    // wherever a function is made, at the start above all.
    minifySyntax: true,
    minifyWhitespace: true,
    metafile: true,
    platform: 'node',
    format: 'cjs',
    target: 'node26',
    // Only a program that is started from its source asks whether it is the main module.
    define: { 'import.meta.main': 'false' },
    // Its other form asks for its parts by names that a bundler does not see.
    alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
    plugins: [filesInside],
    logLevel: 'warning',
    // Thrift's compiler writes them.
    logOverride: { 'duplicate-case': 'silent' },
  });
  const engine = await build({
    absWorkingDir: root,
    entryPoints: [createRequire(import.meta.url).resolve('elkjs/lib/elk.bundled.js')],
    outfile: join(folder, LAYOUT_ENGINE),
    bundle: true,
    minify: true,
    metafile: true,
    platform: 'node',
    format: 'cjs',
    target: 'node26',
    logLevel: 'warning',
  });
  const inputs = [metafile, engine.metafile].flatMap(({ inputs: of }) => Object.keys(of));
  // The console's editor is not ours.
  return [...new Set([...inputs, ...(await filesOfPage(CONSOLE_PAGE))])].sort();
}

/** In place of an import: the engine out of the executable, when it is wanted first. */
const LAY_OUT = `
import { getAsset } from 'node:sea';
let engine;
const load = () => {
  const module = { exports: {} };
  new Function('module', 'exports', 'require', getAsset(${JSON.stringify(LAYOUT_ENGINE)}, 'utf8'))(module, module.exports, require);
  return module.exports;
};
export const layOut = async (graph) => {
  engine ??= load();
  return new (engine.default ?? engine)().layout(graph);
};
`;

/** What `inspect` and `manual` show is made here, since the binary has no bundler, no layout engine and no files. */
const filesInside: Plugin = {
  name: 'files-inside',
  setup(building) {
    const replace = (file: string, name: string, make: () => Promise<unknown>) =>
      building.onLoad({ filter: new RegExp(`/cli/${file}$`) }, async () => {
        const made = JSON.stringify(JSON.stringify(await make()));
        return { contents: `export const ${name} = async () => JSON.parse(${made});` };
      });
    replace('inspect/page-assets.ts', 'pageAssets', () => bundlePage(INSPECT_PAGE));
    replace('console/page-assets.ts', 'pageAssets', () => bundlePage(CONSOLE_PAGE));
    building.onLoad({ filter: /\/cli\/report\/lay-out\.ts$/ }, () => ({ contents: LAY_OUT }));
    replace('report/page-assets.ts', 'reportAssets', bundleReport);
    replace('inspect/charts.ts', 'layOutCharts', layOutCharts);
    replace('manual/pages.ts', 'manualPages', manualPages);
    replace('demo/zeek-package.ts', 'zeekPackage', zeekPackage);
  },
};
