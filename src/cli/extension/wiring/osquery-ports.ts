import type { Applied, Identified } from '../../../../actors/osquery-core.machine.ts';
import { supply } from '../../../../actors/port.ts';
import { identifyOsqueryd } from '../../../query/identify-store.ts';
import type { RenderedSchedule } from '../../../schedule/render.ts';
import type { ExtensionContext } from '../extension-context.ts';
import type { OsqueryLink } from '../ports/osquery-link.ts';

/** The ports of the machine `osquery-core`. */
export function osqueryPorts(context: ExtensionContext, osquery: OsqueryLink) {
  const { client } = osquery;
  const { log } = context;
  return {
    ...osquery.ports,
    identify: supply<Identified, undefined>(() =>
      identifyOsqueryd({
        ...{ client, log, flags: () => osquery.flags, wasTold: () => osquery.wasTold },
      }),
    ),
    applySchedule: supply<Applied, RenderedSchedule>(osquery.updater.apply),
  };
}
