import { z } from 'zod';
import { AddressError, DEFAULT_PORT, formatHostAndPort, parseEndpointAddress } from '../broker/address.ts';
import { prefixProblem } from '../nats/subjects.ts';
import { groupProblem } from '../schedule/groups.ts';
import { LONGEST_INTERVAL } from '../vocabulary/intervals.ts';
import { NULL_POLICIES, VOCABULARY_IDS } from '../vocabulary/model.ts';

/**
 * The key `bro` of osquery's configuration, as operators write it. Times are seconds, sizes bytes. Every key is
 * optional; keys that are not here are warned about, never an error. The messages are what is expected at the place;
 * the place and what came are added to them, except to those of `superRefine`.
 */

const text = (what: string) => z.string(what).min(1, what);
export const path = text('the path of a file');
const flag = z.boolean('true or false');
const whole = (what: string, most = Number.MAX_SAFE_INTEGER) => {
  const expected = most === Number.MAX_SAFE_INTEGER ? what : `${what} up to ${most}`;
  return z.int(expected).min(1, expected).max(most, expected);
};
export const count = whole('a whole number of at least 1');
const seconds = whole('a whole number of seconds, at least 1');
const interval = whole('a whole number of seconds from 1', LONGEST_INTERVAL);

export function oneOf<const Names extends readonly [string, ...string[]]>(names: Names) {
  return z.enum(names, `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`);
}

/** A text in which `problem` finds nothing wrong. */
export function checked(what: string, problem: (text: string) => string | null) {
  return z.string(what).superRefine((value, context) => {
    const message = problem(value);
    if (message) context.addIssue({ code: 'custom', message });
  });
}

const ADDRESS = 'an address such as "zeek.example.com:9999"';

export const address = checked(ADDRESS, (value) => {
  try {
    parseEndpointAddress(value);
    return null;
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    return error.message;
  }
});

const host = checked('a host name or an IP address', (value) => {
  try {
    parseEndpointAddress(formatHostAndPort(value, DEFAULT_PORT));
    return null;
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    const port = /:\d+$/.test(value) ? '; the port goes into bro_port' : '';
    return `expected a host name or an IP address, got ${JSON.stringify(value)}${port}`;
  }
});

const group = checked('the name of a group', groupProblem);

export const tls = z.object(
  {
    ca: path.optional(),
    ca_path: text('the path of a folder').optional(),
    certificate: path.optional(),
    key: path.optional(),
    passphrase: z.string('a text').optional(),
    require_authentication: flag.optional(),
  },
  'an object of TLS settings',
);

/** How a NATS server is used: keys that hosts and gateways share. */
export const natsKeys = {
  credentials: path.optional(),
  nkey: path.optional(),
  user: text("a user's name").optional(),
  password: z.string('a text').optional(),
  jetstream: oneOf(['off', 'use', 'create']).optional(),
  prefix: checked('the prefix of the subjects', (value) => {
    const problem = prefixProblem(value);
    return problem && `expected the prefix of the subjects, but ${JSON.stringify(value)} ${problem}`;
  }).optional(),
};
const nats = z.object({ ...natsKeys, zeek_cluster: flag.optional() }, 'an object of NATS settings');

const vocabulary = oneOf(VOCABULARY_IDS);
const VOCABULARIES = 'a list of vocabularies, at least one';
export const vocabularyList = z.array(vocabulary, VOCABULARIES).min(1, VOCABULARIES);
const PREFIX = 'a topic prefix without spaces and without a trailing slash';
export const topicPrefixes = z.object(
  Object.fromEntries(
    VOCABULARY_IDS.map((id) => [
      id,
      z
        .string(PREFIX)
        .regex(/^[^\s]*[^\s/]$/, PREFIX)
        .optional(),
    ]),
  ),
  'an object of topic prefixes',
);
const tables = z.array(text('the name of a table'), 'a list of tables');

/** A whole number of bytes from so many on. */
const bytesFrom = (least: number, called: string) => {
  const expected = `a whole number of bytes, at least ${least} (${called})`;
  return z.int(expected).min(least, expected);
};

const limits = z
  .object(
    {
      subscriptions: count.optional(),
      pending_executions: count.optional(),
      groups: count.optional(),
      requests_per_minute: count.optional(),
      shortest_interval: interval.optional(),
      default_interval: interval.optional(),
      sql_length: count.optional(),
      schedule_bytes: count.optional(),
      rows_per_result: count.optional(),
      allow_tables: tables.optional(),
      deny_tables: tables.optional(),
      resync_window: seconds.optional(),
      expiry: seconds.optional(),
      journal_bytes: bytesFrom(1024 ** 2, '1 MiB').optional(),
      journal_age: seconds.optional(),
      event_log_age: seconds.optional(),
      // Below that hellos and ordinary rows would be beyond it.
      frame_bytes: bytesFrom(64 * 1024, '64 KiB').optional(),
    },
    'an object of limits',
  )
  .superRefine(({ shortest_interval: shortest, default_interval: usual }, context) => {
    // A query that names no interval would be refused for the one it gets.
    if (shortest === undefined || usual === undefined || usual >= shortest) return;
    const message = `expected no less than shortest_interval, ${shortest}, got ${usual}`;
    context.addIssue({ code: 'custom', path: ['default_interval'], message });
  });

const PORT = 'a port from 1 to 65535';
const ENDPOINT = `${ADDRESS} or an object with one`;
/** Other ways to the same Zeek, for when the first is gone. */
const alternatives = z.array(address, 'a list of addresses');
const UID = 'an id of 1 to 255 characters without spaces and slashes';

export const broSchema = z.object(
  {
    bro_endpoint: address.optional(),
    bro_alternatives: alternatives.optional(),
    bro_ip: host.optional(),
    bro_port: z
      .union([z.int(PORT), z.string(PORT).regex(/^\d+$/, PORT).transform(Number)], PORT)
      .pipe(z.int(PORT).min(1, PORT).max(65_535, PORT))
      .optional(),
    endpoints: z
      .array(
        z.union(
          [
            address,
            z.object(
              { address, alternatives: alternatives.optional(), tls: tls.optional(), nats: nats.optional() },
              ENDPOINT,
            ),
          ],
          ENDPOINT,
        ),
        'a list of addresses',
      )
      .optional(),
    uid: z
      .string(UID)
      .min(1, UID)
      .max(255, UID)
      .regex(/^[^\s/\p{Cc}]*$/u, UID)
      .optional(),
    groups: z
      .union([z.array(group), z.record(z.string(), group)], 'a list or a map of group names')
      .optional(),
    tls: tls.optional(),
    nats: nats.optional(),
    state_dir: text('the path of a folder').optional(),
    limits: limits.optional(),
    vocabularies: vocabularyList.optional(),
    topic_prefixes: topicPrefixes.optional(),
    null_policy: oneOf(NULL_POLICIES).optional(),
    tables: flag.optional(),
    journal_fsync: oneOf(['always', 'interval', 'never']).optional(),
    event_log_fsync: oneOf(['always', 'interval']).optional(),
    forward_status: oneOf(['off', 'info', 'warning', 'error']).optional(),
    events_at_once: flag.optional(),
    one_time_queries: oneOf(['query', 'distributed']).optional(),
  },
  'an object of settings',
);

export type BroConfig = z.infer<typeof broSchema>;
