import { string } from '../broker/data.ts';
import { hostNewArguments } from './bro-2017-01.ts';
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

/** V2, bro-osquery as of February 2017. Default prefix `/bro/osquery`. */
export function bro201702(prefix: string): Vocabulary {
  const dialect: Dialect = {
    id: 'bro-2017-02',
    module: 'osquery::',
    enumModule: 'osquery::',
    topics: { all: `${prefix}/all`, host: `${prefix}/uid`, group: `${prefix}/group` },
    marksInitialRows: false,
  };
  const announceTopic = `${prefix}/announce`;
  const requests = familyRequests(dialect);
  return {
    id: dialect.id,
    helloInterval: undefined,
    requests: signaturesOf(requests),
    filter: (host) => listeningTopics(dialect.topics, host),
    announceTopics: () => [announceTopic],
    announcement: (host) => [
      { topic: announceTopic, event: { name: 'osquery::host_new', args: hostNewArguments(host) } },
    ],
    decode: familyDecoder(dialect, requests),
    rowEncoder: (query, columns, host, options) => familyRowEncoder(dialect, query, columns, host, options),
    notice: (notice, host) => ({
      topic: announceTopic,
      event: { name: `osquery::host_${notice.level}`, args: [string(host.id), string(noticeText(notice))] },
    }),
    farewell: () => [],
  };
}
