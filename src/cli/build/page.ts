import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { PageAssets } from '../../inspect/inspect-server.ts';
import type { ReportAssets } from '../../report/page.ts';

const FOLDER = join(import.meta.dirname, '../../inspect/page');
const REPORT = join(import.meta.dirname, '../../report/page');

/** Bundles the inspection's page, which then needs nothing from elsewhere. */
export async function bundlePage(): Promise<PageAssets> {
  const [assets, html] = await Promise.all([
    bundled(join(FOLDER, 'page-client.ts'), join(FOLDER, 'page.css')),
    readFile(join(FOLDER, 'page.html'), 'utf8'),
  ]);
  return { html, ...assets };
}

/** Bundles the script and the style of reports. */
export function bundleReport(): Promise<ReportAssets> {
  return bundled(join(REPORT, 'report-client.ts'), join(REPORT, 'report.css'));
}

async function bundled(script: string, style: string): Promise<{ script: string; style: string }> {
  const { outputFiles } = await build({
    entryPoints: [script, style],
    outdir: 'page',
    bundle: true,
    minify: true,
    write: false,
    platform: 'browser',
    format: 'iife',
    target: ['chrome123', 'firefox120', 'safari17.5'],
    logLevel: 'silent',
    charset: 'utf8',
  });
  const text = (end: string) => outputFiles.find(({ path }) => path.endsWith(end))?.text ?? '';
  return { script: text('.js'), style: text('.css') };
}
