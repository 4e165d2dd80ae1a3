import { osqueryLayout } from '../osquery/layout.ts';

/** Where osquery has things on this system. */
export const LAYOUT = osqueryLayout(process.platform);
