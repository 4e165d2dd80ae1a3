import type { VocabularyId } from '../vocabulary/model.ts';
import { DEFAULT_PREFIXES } from '../vocabulary/vocabularies.ts';
import { bro201701Dialect } from './bro-2017-01-dialect.ts';
import type { ZeekDialect } from './dialect.ts';
import { bro201702Dialect, zeekAgent1Dialect, zeekOsqueryDialect } from './family-dialect.ts';
import { zeekAgent2Dialect } from './zeek-agent-2-dialect.ts';

export interface DialectOptions {
  /** The Bro's Broker endpoint id. */
  readonly endpointId: string;
  /** Without a slash at the end; by default as the vocabulary's scripts have it. */
  readonly topicPrefix?: string;
}

const MAKERS: Readonly<Record<VocabularyId, (prefix: string, endpointId: string) => ZeekDialect>> = {
  'bro-2017-01': bro201701Dialect,
  'bro-2017-02': bro201702Dialect,
  'zeek-osquery': zeekOsqueryDialect,
  'zeek-agent-1': zeekAgent1Dialect,
  'zeek-agent-2': zeekAgent2Dialect,
};

export function createDialect(id: VocabularyId, options: DialectOptions): ZeekDialect {
  return MAKERS[id](options.topicPrefix ?? DEFAULT_PREFIXES[id], options.endpointId);
}
