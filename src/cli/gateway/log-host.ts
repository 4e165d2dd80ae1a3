import type { Logger } from 'pino';
import type { HostNews } from '../../gateway/host-news.ts';

/** What becomes known of hosts, as lines of the log. */
export function logHost(log: Logger, news: HostNews): void {
  switch (news.type) {
    case 'up':
      log.debug({ area: 'gateway', host: news.host, from: news.from }, 'a host is there');
      return;
    case 'down':
      log.debug({ area: 'gateway', host: news.host, code: news.closed.code }, news.closed.message);
      return;
    case 'failed':
      log.info({ area: 'gateway', from: news.from, code: news.closed.code }, news.closed.message);
      return;
    case 'refused':
      log.warn({ area: 'gateway', host: news.host }, `refused: ${news.reason}`);
      return;
    case 'replaced':
      log.info(
        { area: 'gateway', host: news.host, from: news.from, before: news.before },
        'a host has reconnected',
      );
      return;
    case 'duplicate':
      log.warn(
        { area: 'gateway', host: news.host, from: news.from, other: news.other },
        'two hosts have the same id: one is refused while the other is connected; give each its own uid',
      );
      return;
    default:
      news satisfies never;
  }
}
