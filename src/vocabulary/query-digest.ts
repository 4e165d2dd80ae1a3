import { createHash } from 'node:crypto';
import { encodeText, textByteLength } from '../text/byte-text.ts';
import type { QueryDigest, RepeatedQuery } from './model.ts';

/**
 * The digest of the queries that a Bro desires on a host, computed alike here and in the Zeek package (`osquery::query_digest`).
 * Each query is written as its fields with their lengths in bytes, `<length>:<field>`, in the order event, SQL, cookie,
 * topic for the rows, update type, interval; equal ones count once; the lines, sorted by their bytes and each ended by
 * a newline, are hashed with SHA-256. Lengths keep fields that hold any bytes apart.
 */
export function queryDigest(queries: Iterable<RepeatedQuery>): QueryDigest {
  const lines = new Map<string, Uint8Array>();
  for (const query of queries) {
    const line = canonicalLine(query);
    lines.set(line, encodeText(line));
  }
  const hash = createHash('sha256');
  for (const line of [...lines.values()].sort(Buffer.compare)) hash.update(line).update('\n');
  return { size: lines.size, hash: hash.digest('hex') };
}

function canonicalLine(query: RepeatedQuery): string {
  return [query.event, query.sql, query.cookie, query.responseTopic, query.updateType, String(query.interval)]
    .map((field) => `${textByteLength(field)}:${field}`)
    .join('');
}
