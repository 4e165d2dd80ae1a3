import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { PageAssets } from '../../inspect/inspect-server.ts';

const FOLDER = join(import.meta.dirname, '../../inspect/page');

/** Bundles the inspection's page, which then needs nothing from elsewhere. */
export async function bundlePage(): Promise<PageAssets> {
  const [bundled, html] = await Promise.all([
    build({
      entryPoints: [join(FOLDER, 'page-client.ts'), join(FOLDER, 'page.css')],
      outdir: 'page',
      bundle: true,
      minify: true,
      write: false,
      platform: 'browser',
      format: 'iife',
      target: ['chrome123', 'firefox120', 'safari17.5'],
      logLevel: 'silent',
      charset: 'utf8',
    }),
    readFile(join(FOLDER, 'page.html'), 'utf8'),
  ]);
  const text = (end: string) => bundled.outputFiles.find(({ path }) => path.endsWith(end))?.text ?? '';
  return { html, script: text('.js'), style: text('.css') };
}
