import type { ReportAssets } from '../../report/page.ts';

/** The report's script and style. In the one executable this module is replaced by one that has the result in it. */
export async function reportAssets(): Promise<ReportAssets> {
  const { bundleReport } = await import('../build/page.ts');
  return bundleReport();
}
