import type { PageAssets } from '../../inspect/inspect-server.ts';

/** The console's page, bundled from its source. In the one executable this module is replaced by one that has the result. */
export async function pageAssets(): Promise<PageAssets> {
  const { bundlePage, CONSOLE_PAGE } = await import('../build/page.ts');
  return bundlePage(CONSOLE_PAGE);
}
