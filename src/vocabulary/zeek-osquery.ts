import { string, vector } from '../broker/data.ts';
import { listeningTopics } from './host-topics.ts';
import { noticeText } from './notice-text.ts';
import type { Vocabulary } from './vocabulary.ts';
import {
  type Dialect,
  familyDecoder,
  familyRequests,
  familyRowEncoder,
  signaturesOf,
} from './zeek-osquery-family.ts';
import { PACKAGE_REQUESTS } from './zeek-package.ts';

/**
 * V3, zeek-osquery of 2018 to 2020, and our own Zeek package, which speaks the same and a little more. Default prefix
 * `/bro/osquery`. Log lines, warnings and errors come as the earlier vocabularies had them, `osquery::host_warning` and so
 * on, which a Zeek that declares no such event passes over; the package has events of its own for them.
 */
export function zeekOsquery(prefix: string): Vocabulary {
  const dialect: Dialect = {
    id: 'zeek-osquery',
    module: 'osquery::hosts::',
    enumModule: 'osquery::',
    topics: { all: `${prefix}/hosts`, host: `${prefix}/host`, group: `${prefix}/group` },
    marksInitialRows: false,
  };
  const announceTopic = `${prefix}/host_announce`;
  const requests = new Map([...familyRequests(dialect), ...PACKAGE_REQUESTS]);
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
          name: 'osquery::hosts::host_new',
          args: [string(host.endpointId), string(host.id), vector(host.groups.map(string))],
        },
      },
    ],
    decode: familyDecoder(dialect, requests),
    rowEncoder: (query, columns, host, options) => familyRowEncoder(dialect, query, columns, host, options),
    notice: (notice, host, peer) => ({
      topic: announceTopic,
      event: {
        name: `${peer.packageVersion === '' ? 'osquery::' : dialect.module}host_${notice.level}`,
        args: [string(host.id), string(noticeText(notice))],
      },
    }),
    farewell: () => [],
  };
}
