import { string, vector } from '../broker/data.ts';
import type { Vocabulary } from './vocabulary.ts';
import { familyVocabulary } from './zeek-osquery-family.ts';

const MODULE = 'ZeekAgent::';

/** V4, zeek-agent of 2020. Default prefix `/zeek/zeek-agent`. Has no event for log lines, warnings or errors. */
export function zeekAgent1(prefix: string): Vocabulary {
  return familyVocabulary({
    id: 'zeek-agent-1',
    module: MODULE,
    enumModule: MODULE,
    topics: { all: `${prefix}/hosts`, host: `${prefix}/host`, group: `${prefix}/group` },
    announceTopic: `${prefix}/host_announce`,
    marksInitialRows: true,
    hostNew: (host) => [
      {
        name: `${MODULE}host_new`,
        args: [
          string(host.endpointId),
          string(host.hostname),
          string(host.id),
          vector(host.groups.map(string)),
          string(host.agentVersion),
          string('osquery'),
        ],
      },
    ],
    notice: () => undefined,
  });
}
