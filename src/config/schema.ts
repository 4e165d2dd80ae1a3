import { z } from 'zod';
import { AddressError, parseEndpointAddress } from '../broker/address.ts';
import { prefixProblem } from '../nats/subjects.ts';
import { groupProblem } from '../schedule/groups.ts';
import { LONGEST_INTERVAL } from '../schedule/policy.ts';
import { VOCABULARY_IDS } from '../vocabulary/vocabularies.ts';
import type { VocabularyId } from '../vocabulary/words.ts';

/**
 * The key `bro` of osquery's configuration, as operators write it. Times are seconds, sizes bytes. Every key is
 * optional; keys that are not here are warned about, never an error.
 */

const path = z.string().min(1, 'names no file');
const positive = z.int().positive();

const address = z.string().superRefine((text, context) => {
  try {
    parseEndpointAddress(text);
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
});

const group = z.string().superRefine((text, context) => {
  const problem = groupProblem(text);
  if (problem) context.addIssue({ code: 'custom', message: problem });
});

const tls = z.object({
  ca: path.optional(),
  ca_path: path.optional(),
  certificate: path.optional(),
  key: path.optional(),
  passphrase: z.string().optional(),
  require_authentication: z.boolean().optional(),
});

const nats = z.object({
  credentials: path.optional(),
  nkey: path.optional(),
  user: z.string().min(1, 'is empty').optional(),
  password: z.string().optional(),
  jetstream: z.enum(['off', 'use', 'create']).optional(),
  prefix: z
    .string()
    .superRefine((text, context) => {
      const problem = prefixProblem(text);
      if (problem) context.addIssue({ code: 'custom', message: problem });
    })
    .optional(),
});

const vocabulary = z.enum(VOCABULARY_IDS as [VocabularyId, ...VocabularyId[]]);

const limits = z.object({
  subscriptions: positive.optional(),
  pending_executions: positive.optional(),
  groups: positive.optional(),
  requests_per_minute: positive.optional(),
  shortest_interval: positive.max(LONGEST_INTERVAL).optional(),
  default_interval: positive.max(LONGEST_INTERVAL).optional(),
  sql_length: positive.optional(),
  schedule_bytes: positive.optional(),
  rows_per_result: positive.optional(),
  allow_tables: z.array(z.string().min(1)).optional(),
  deny_tables: z.array(z.string().min(1)).optional(),
  resync_window: positive.optional(),
  expiry: positive.optional(),
  journal_bytes: positive.min(1024 * 1024, 'is less than 1 MiB').optional(),
  journal_age: positive.optional(),
});

export const broSchema = z.object({
  bro_endpoint: address.optional(),
  bro_ip: z.string().min(1, 'names no host').optional(),
  bro_port: z
    .union([z.int(), z.string().regex(/^\d+$/, 'is no port number').transform(Number)])
    .pipe(z.int().min(1).max(65_535))
    .optional(),
  endpoints: z
    .array(
      z.union(
        [address, z.object({ address, tls: tls.optional(), nats: nats.optional() })],
        'is neither an address nor an object with one',
      ),
    )
    .optional(),
  uid: z
    .string()
    .min(1, 'is empty')
    .max(255)
    .regex(/^[^\s/\p{Cc}]*$/u, 'may hold no blanks and no slash')
    .optional(),
  groups: z
    .union([z.array(group), z.record(z.string(), group)], 'is neither a list nor a map of group names')
    .optional(),
  tls: tls.optional(),
  nats: nats.optional(),
  state_dir: path.optional(),
  limits: limits.optional(),
  vocabularies: z.array(vocabulary).min(1, 'names no vocabulary').optional(),
  topic_prefixes: z
    .partialRecord(
      vocabulary,
      z.string().regex(/^[^\s]*[^\s/]$/, 'is no topic prefix (no blanks, no slash at the end)'),
    )
    .optional(),
  null_policy: z.enum(['zero', 'none', 'skip_row']).optional(),
  tables: z.boolean().optional(),
  journal_fsync: z.enum(['always', 'interval', 'never']).optional(),
  forward_status: z.enum(['off', 'info', 'warning', 'error']).optional(),
  events_at_once: z.boolean().optional(),
  one_time_queries: z.enum(['query', 'distributed']).optional(),
});

export type BroConfig = z.infer<typeof broSchema>;
