import { count, string, vector } from '../broker/data.ts';
import type { ZeekEvent } from '../broker/zeek-event.ts';
import { CONSOLE_ANSWERED } from '../vocabulary/console-query.ts';
import type { QueryDigest, RepeatedQuery } from '../vocabulary/model.ts';
import { decodeNotice } from './bro-2017-01-dialect.ts';
import { addressesAt, countAt, shape, textAt, textsAt, valuesAt } from './fields.ts';
import type { HostMessage, Subscription } from './model.ts';

/** The events between a Zeek with our own package and its hosts beyond those of zeek-osquery. */

const MODULE = 'osquery::hosts::';

/** The subscription as hosts count it among a Bro's desired queries. */
export function asDesiredQuery(query: Subscription, responseTopic: string): RepeatedQuery {
  const { event, sql, cookie, updateType, interval } = query;
  const unsaid = { initialRows: true, queryId: '', zeekInstance: '' };
  return { vocabulary: 'zeek-osquery', event, sql, cookie, responseTopic, updateType, interval, ...unsaid };
}

/** Says that this Bro has the package, and how many queries it desires on the host. */
export function declare(instance: string, packageVersion: string, { size, hash }: QueryDigest): ZeekEvent {
  return {
    name: `${MODULE}host_declare`,
    args: [string(instance), string(packageVersion), count(size), string(hash)],
  };
}

/** All desired queries: these and no others. */
export function desiredQueries(instance: string, queries: readonly RepeatedQuery[]): ZeekEvent {
  const records = queries.map(({ event, sql, cookie, responseTopic, updateType, interval }) =>
    vector([...[event, sql, cookie, responseTopic, updateType].map(string), count(interval)]),
  );
  return { name: `${MODULE}host_desired_queries`, args: [string(instance), vector(records)] };
}

/** All rows up to and with this number have been handled. */
export function acknowledge(sequence: bigint, instanceId: string | undefined): ZeekEvent {
  if (instanceId !== undefined) {
    return { name: `${MODULE}host_acknowledge_v2`, args: [string(instanceId), count(sequence)] };
  }
  return { name: `${MODULE}host_acknowledge`, args: [count(sequence)] };
}

const NOTICES = {
  [`${MODULE}host_log`]: 'log',
  [`${MODULE}host_warning`]: 'warning',
  [`${MODULE}host_error`]: 'error',
} as const;

/** What hosts say to a Bro with the package alone. */
export function decodePackageEvent(event: ZeekEvent): HostMessage | undefined {
  const { name, args } = event;
  if (Object.hasOwn(NOTICES, name)) return decodeNotice(event, NOTICES);
  if (name === CONSOLE_ANSWERED) return decodeAnswer(event);
  if (!name.startsWith(MODULE)) return undefined;
  const host = textAt(args, 0);
  const message = host === undefined ? undefined : decodeHostEvent(host, event);
  if (message) return message;
  return {
    type: 'malformed',
    problem: `unknown or malformed event of zeek-osquery: ${shape(event)}`,
  };
}

function decodeAnswer(event: ZeekEvent): HostMessage {
  const [host, cookie, outcome, , text] = [0, 1, 2, 3, 4].map((index) => textAt(event.args, index));
  const rows = countAt(event.args, 3);
  if (host === undefined || cookie === undefined || outcome === undefined || text === undefined) {
    return { type: 'malformed', problem: `malformed answer to a console: ${shape(event)}` };
  }
  return { type: 'answered', host, cookie, outcome, rows: Number(rows ?? 0n), text };
}

function decodeHostEvent(host: string, { name, args }: ZeekEvent): HostMessage | undefined {
  switch (name.slice(MODULE.length)) {
    case 'host_farewell':
      return { type: 'farewell', host };
    case 'host_details_v1': {
      const details = valuesAt(args, 1) ?? [];
      const [hostname, version] = [textAt(details, 2), textAt(details, 7)];
      const [addresses, groups] = [addressesAt(details, 3), textsAt(details, 4)];
      const [platform, os] = [textAt(details, 5), textAt(details, 6)];
      if (hostname === undefined || version === undefined || !addresses || !groups) return undefined;
      if (platform === undefined || os === undefined) return undefined;
      return { type: 'details', host, hostname, addresses, groups, platform, os, version };
    }
    case 'host_queries_held': {
      const [size, hash] = [countAt(args, 2), textAt(args, 3)];
      if (size === undefined || hash === undefined) return undefined;
      return { type: 'queriesHeld', host, held: { size: Number(size), hash } };
    }
    case 'host_rows_sent': {
      const sequence = countAt(args, 1);
      return sequence === undefined ? undefined : { type: 'rowsSent', host, sequence };
    }
    case 'host_rows_sent_v2': {
      const [instanceId, sequence] = [textAt(args, 1), countAt(args, 2)];
      if (instanceId === undefined || sequence === undefined) return undefined;
      return { type: 'rowsSent', host, instanceId, sequence };
    }
    case 'host_rows_sent_v3': {
      const [instanceId, sequence] = [textAt(args, 1), countAt(args, 3)];
      if (instanceId === undefined || sequence === undefined) return undefined;
      return { type: 'rowsSent', host, instanceId, sequence };
    }
    case 'host_rows_begin_v1': {
      const [instanceId, run] = [textAt(args, 1), countAt(args, 2)];
      if (instanceId === undefined || run === undefined) return undefined;
      return { type: 'runBegins', host, instanceId, run };
    }
    case 'host_instance': {
      const [instanceId, hostname] = [textAt(args, 1), textAt(args, 2)];
      if (instanceId === undefined || hostname === undefined) return undefined;
      return { type: 'instance', host, instanceId, hostname };
    }
    case 'host_gap': {
      const [first, last, rows] = [countAt(args, 1), countAt(args, 2), countAt(args, 3)];
      const reason = textAt(args, 4);
      if (first === undefined || last === undefined || rows === undefined || reason === undefined)
        return undefined;
      return { type: 'gap', host, first, last, rows, reason };
    }
    default:
      return undefined;
  }
}
