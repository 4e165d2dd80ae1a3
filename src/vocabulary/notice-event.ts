import { string } from '../broker/data.ts';
import type { ZeekEvent } from '../broker/zeek-event.ts';
import { shortened } from '../text/shortened.ts';
import type { Host, Notice } from './model.ts';

const SHOWN = 200;

/** `<module>host_log(uid, text)`, `…host_warning`, `…host_error`: how V1 to V3 say it. `module` with its `::`. */
export function noticeEvent(module: string, notice: Notice, host: Host): ZeekEvent {
  return { name: `${module}host_${notice.level}`, args: [string(host.id), string(noticeText(notice))] };
}

/** These events carry nothing but text, so it names the query that it is about. */
function noticeText({ text, query }: Notice): string {
  if (!query) return text;
  return `${text} (query for ${query.event}: ${shortened(query.sql, SHOWN)})`;
}
