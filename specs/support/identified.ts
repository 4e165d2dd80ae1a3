import type { Identified } from '../../actors/osquery-core.machine.ts';
import { osqueryd } from './schedule-builders.ts';

/** An osqueryd of which nothing is known but that it is there. */
export const IDENTIFIED: Identified = {
  osqueryd: osqueryd(100, 0),
  evidence: { told: false, ends: [], interrupted: '' },
};
