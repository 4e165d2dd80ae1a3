import { hostNew } from './bro-2017-01.ts';
import { noticeEvent } from './notice-event.ts';
import type { Vocabulary } from './vocabulary.ts';
import { familyVocabulary } from './zeek-osquery-family.ts';

/** V2, bro-osquery as of February 2017. Default prefix `/bro/osquery`. */
export function bro201702(prefix: string): Vocabulary {
  return familyVocabulary({
    id: 'bro-2017-02',
    module: 'osquery::',
    enumModule: 'osquery::',
    topics: { all: `${prefix}/all`, host: `${prefix}/uid`, group: `${prefix}/group` },
    announceTopic: `${prefix}/announce`,
    marksInitialRows: false,
    hostNew: (host) => [hostNew(host)],
    notice: (notice, host) => noticeEvent('osquery::', notice, host),
  });
}
