import { asciiTime, type Clock } from '../clock.ts';
import { columns, type Table } from '../sql/table.ts';

const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;

/** osquery's `time`, in UTC. */
export function time(clock: Clock): Table {
  return {
    name: 'time',
    attributes: 1,
    columns: columns(
      'weekday TEXT',
      'year INTEGER',
      'month INTEGER',
      'day INTEGER',
      'hour INTEGER',
      'minutes INTEGER',
      'seconds INTEGER',
      'timezone TEXT',
      'local_timezone TEXT',
      'unix_time INTEGER',
      'timestamp TEXT',
      'datetime TEXT',
      'iso_8601 TEXT',
      'win_timestamp BIGINT hidden',
      'date_time TEXT =datetime',
    ),
    generate: () => {
      const now = new Date(clock.now());
      const unix = Math.floor(clock.now() / 1000);
      const iso = `${now.toISOString().slice(0, 19)}Z`;
      return [
        {
          weekday: WEEKDAYS[now.getUTCDay()],
          year: now.getUTCFullYear(),
          month: now.getUTCMonth() + 1,
          day: now.getUTCDate(),
          hour: now.getUTCHours(),
          minutes: now.getUTCMinutes(),
          seconds: now.getUTCSeconds(),
          timezone: 'UTC',
          local_timezone: localZone(),
          unix_time: unix,
          timestamp: asciiTime(unix),
          datetime: iso,
          iso_8601: iso,
        },
      ];
    },
  };
}

function localZone(): string {
  return (
    new Intl.DateTimeFormat('en', { timeZoneName: 'short' })
      .formatToParts()
      .find((part) => part.type === 'timeZoneName')?.value ?? 'UTC'
  );
}
