import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { PageAssets } from '../../inspect/inspect-server.ts';
import type { ReportAssets } from '../../report/page.ts';

const SOURCES = join(import.meta.dirname, '../..');
const REPORT = join(SOURCES, 'report/page');

/** Pages that are served, by the folder of their source. */
export const INSPECT_PAGE = 'inspect/page';
export const CONSOLE_PAGE = 'console-page/page';

/**
 * Bundles a page, which then needs nothing from elsewhere.
 * @param page its folder
 */
export async function bundlePage(page: string): Promise<PageAssets> {
  const [{ script, style }, html] = await Promise.all([
    bundled(...sourcesOf(page)),
    readFile(join(SOURCES, page, 'page.html'), 'utf8'),
  ]);
  return { html, script, style };
}

/** The files that a page is made of, from the root. */
export async function filesOfPage(page: string): Promise<readonly string[]> {
  return (await bundled(...sourcesOf(page))).inputs;
}

/** Bundles the script and the style of reports. */
export async function bundleReport(): Promise<ReportAssets> {
  const { script, style } = await bundled(join(REPORT, 'report-client.ts'), join(REPORT, 'report.css'));
  return { script, style };
}

function sourcesOf(page: string): readonly [script: string, style: string] {
  return [join(SOURCES, page, 'page-client.ts'), join(SOURCES, page, 'page.css')];
}

async function bundled(
  script: string,
  style: string,
): Promise<{ script: string; style: string; inputs: readonly string[] }> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: join(SOURCES, '..'),
    entryPoints: [script, style],
    outdir: 'page',
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    platform: 'browser',
    format: 'iife',
    target: ['chrome123', 'firefox120', 'safari17.5'],
    logLevel: 'silent',
    charset: 'utf8',
  });
  const text = (end: string) => outputFiles.find(({ path }) => path.endsWith(end))?.text ?? '';
  return { script: text('.js'), style: text('.css'), inputs: Object.keys(metafile.inputs) };
}
