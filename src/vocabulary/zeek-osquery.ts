import { string, vector } from '../broker/data.ts';
import { consoleAnswer, isConsoleQuery } from './console-query.ts';
import { noticeEvent } from './notice-event.ts';
import type { Vocabulary } from './vocabulary.ts';
import { familyVocabulary } from './zeek-osquery-family.ts';
import { PACKAGE_REQUESTS } from './zeek-package.ts';

const MODULE = 'osquery::hosts::';
/** What the framework's module became in April 2019, from its version 0.2.0 on, with all else as it was. */
const LATER_MODULE = 'osquery::';

/**
 * V3, zeek-osquery of 2018 to 2020, and our own Zeek package, which speaks the same and a little more. Default prefix
 * `/bro/osquery`. Log lines, warnings and errors come as the earlier vocabularies had them, `osquery::host_warning` and so
 * on, which a Zeek that declares no such event passes over; the package has events of its own for them.
 */
export function zeekOsquery(prefix: string): Vocabulary {
  return familyVocabulary({
    id: 'zeek-osquery',
    module: MODULE,
    otherModule: LATER_MODULE,
    enumModule: 'osquery::',
    topics: { all: `${prefix}/hosts`, host: `${prefix}/host`, group: `${prefix}/group` },
    announceTopic: `${prefix}/host_announce`,
    marksInitialRows: false,
    ownRequests: PACKAGE_REQUESTS,
    hostNew: (host) =>
      [MODULE, LATER_MODULE].map((module) => ({
        name: `${module}host_new`,
        args: [string(host.endpointId), string(host.id), vector(host.groups.map(string))],
      })),
    notice: (notice, host, peer) =>
      notice.query && isConsoleQuery(notice.query)
        ? consoleAnswer(notice, host)
        : noticeEvent(peer.packageVersion === '' ? 'osquery::' : MODULE, notice, host),
  });
}
