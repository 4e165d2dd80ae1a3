import { DEFAULT_PREFIXES } from '../vocabulary/vocabularies.ts';
import type { VocabularyId } from '../vocabulary/words.ts';
import { bro201701Speech } from './bro-2017-01-speech.ts';
import { bro201702Speech, zeekAgent1Speech, zeekOsquerySpeech } from './family-speech.ts';
import type { BroSpeech } from './speech.ts';
import { zeekAgent2Speech } from './zeek-agent-2-speech.ts';

export interface SpeechOptions {
  /** The Bro's Broker endpoint id. */
  readonly endpointId: string;
  /** Without a slash at the end; by default as the vocabulary's scripts have it. */
  readonly topicPrefix?: string;
}

const MAKERS: Readonly<Record<VocabularyId, (prefix: string, endpointId: string) => BroSpeech>> = {
  'bro-2017-01': bro201701Speech,
  'bro-2017-02': bro201702Speech,
  'zeek-osquery': zeekOsquerySpeech,
  'zeek-agent-1': zeekAgent1Speech,
  'zeek-agent-2': zeekAgent2Speech,
};

export function createSpeech(id: VocabularyId, options: SpeechOptions): BroSpeech {
  return MAKERS[id](options.topicPrefix ?? DEFAULT_PREFIXES[id], options.endpointId);
}
