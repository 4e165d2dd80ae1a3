import { string, vector } from '../broker/data.ts';
import { listeningTopics } from './host-topics.ts';
import type { Vocabulary } from './vocabulary.ts';
import {
  type Dialect,
  familyDecoder,
  familyRequests,
  familyRowEncoder,
  signaturesOf,
} from './zeek-osquery-family.ts';

/** V4, zeek-agent of 2020. Default prefix `/zeek/zeek-agent`. Has no event for log lines, warnings or errors. */
export function zeekAgent1(prefix: string): Vocabulary {
  const dialect: Dialect = {
    id: 'zeek-agent-1',
    module: 'ZeekAgent::',
    enumModule: 'ZeekAgent::',
    topics: { all: `${prefix}/hosts`, host: `${prefix}/host`, group: `${prefix}/group` },
    marksInitialRows: true,
  };
  const announceTopic = `${prefix}/host_announce`;
  const requests = familyRequests(dialect);
  return {
    id: dialect.id,
    helloInterval: undefined,
    requests: signaturesOf(requests),
    filter: (host) => listeningTopics(dialect.topics, host),
    announceTopics: () => [announceTopic],
    announcement: (host) => [
      {
        topic: announceTopic,
        event: {
          name: 'ZeekAgent::host_new',
          args: [
            string(host.endpointId),
            string(host.hostname),
            string(host.id),
            vector(host.groups.map(string)),
            string(host.agentVersion),
            string('osquery'),
          ],
        },
      },
    ],
    decode: familyDecoder(dialect, requests),
    rowEncoder: (query, columns, host, options) => familyRowEncoder(dialect, query, columns, host, options),
    notice: () => undefined,
    farewell: () => [],
  };
}
