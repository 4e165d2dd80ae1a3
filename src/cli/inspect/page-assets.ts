import type { PageAssets } from '../../inspect/inspect-server.ts';

/** The page, bundled from its source. In the one executable this module is replaced by one that has the result in it. */
export async function pageAssets(): Promise<PageAssets> {
  const { bundlePage, INSPECT_PAGE } = await import('../build/page.ts');
  return bundlePage(INSPECT_PAGE);
}
