import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { TopicEvent } from '../../src/broker/zeek-event.ts';
import {
  type Conversation,
  type ConversationInput,
  type ConversationStep,
  openConversation,
} from '../../src/conversation/conversation.ts';
import { converse } from '../../src/conversation/converse.ts';
import { heard } from '../../src/conversation/heard.ts';
import { acknowledgementRequest, helloInterval } from '../../src/conversation/messages.ts';
import type { RepeatedQuery, Request } from '../../src/vocabulary/model.ts';
import { queryDigest } from '../../src/vocabulary/query-digest.ts';
import { createVocabularies } from '../../src/vocabulary/vocabularies.ts';
import { sampleHost } from '../support/sample-host.ts';
import { query } from '../support/schedule-builders.ts';

const vocabularies = createVocabularies();
const HOST = sampleHost();
const HELD = query({ vocabulary: 'zeek-osquery' });
const TO_HOST = { to: 'host' } as const;
const AT = 1_000_000;

const opened = (filter: readonly string[] | null = null): Conversation =>
  openConversation({ connectionId: 'c1', host: HOST, filter, zeekVersion: '' });

/** Takes one input after the other; what follows is what the last one led to. */
function after(conversation: Conversation, ...inputs: readonly ConversationInput[]): ConversationStep {
  const nothing = { say: [], requests: [], acknowledgements: [], problems: [] };
  return inputs.reduce<ConversationStep>((step, input) => converse(step.conversation, input, vocabularies), {
    conversation,
    ...nothing,
  });
}

const greet = (zeekVersion: string): ConversationInput => ({
  type: 'requested',
  at: AT,
  audience: TO_HOST,
  request: {
    type: 'greet',
    vocabulary: 'zeek-agent-2',
    zeekInstance: 'zeek-1',
    zeekVersion,
    packageVersion: '2.4.0',
  },
});

const declare = (
  queries: readonly RepeatedQuery[],
  held: readonly RepeatedQuery[] = [HELD],
  packageVersion = '1.0',
): ConversationInput => ({
  type: 'declared',
  at: AT,
  audience: TO_HOST,
  held,
  declaration: {
    type: 'declare',
    vocabulary: 'zeek-osquery',
    zeekInstance: 'osquery-1',
    packageVersion,
    desired: queryDigest(queries),
  },
});

const SENT = { run: 1, upTo: 7, rows: new Map([['a', 3]]) };

const acknowledge = (sequence: number): ConversationInput => ({
  type: 'acknowledged',
  at: AT,
  acknowledgement: { type: 'acknowledge', vocabulary: 'zeek-osquery', sequence },
});

const HELLO_DUE: ConversationInput = { type: 'hello-due', at: AT };
const names = (say: readonly TopicEvent[]) => [...new Set(say.map(({ event }) => event.name))];
const topics = (say: readonly TopicEvent[]) => [...new Set(say.map(({ topic }) => topic))];

describe('a Zeek that declares what it wants', () => {
  test('and did not notice that we were gone keeps what we hold, without asking again', () => {
    const first = after(opened(), declare([HELD]));
    assert.deepEqual(first.requests, [
      {
        request: {
          type: 'desiredQueries',
          vocabulary: 'zeek-osquery',
          zeekInstance: 'osquery-1',
          queries: [HELD],
        },
        audience: TO_HOST,
      },
    ]);
    assert.deepEqual(after(first.conversation, declare([HELD])).requests, []);
  });

  test('and wants anything else is answered with what we hold, and asks itself', () => {
    for (const wanted of [[{ ...HELD, sql: 'SELECT 2' }], []]) {
      const { requests, say } = after(opened(), declare(wanted));
      assert.deepEqual(requests, []);
      assert.ok(names(say).includes('osquery::hosts::host_queries_held'));
    }
  });

  test('does not affirm what another Zeek instance asked for', () => {
    assert.deepEqual(after(opened(), declare([HELD], [{ ...HELD, zeekInstance: 'osquery-2' }])).requests, []);
  });

  test("gets the host's details once, and its held queries each time", () => {
    const first = after(opened(), declare([]));
    assert.deepEqual(names(first.say), [
      'osquery::hosts::host_details_v1',
      'osquery::hosts::host_queries_held',
    ]);
    const second = after(first.conversation, declare([]));
    assert.deepEqual(names(second.say), ['osquery::hosts::host_queries_held']);
  });

  test('is asked to acknowledge rows, and no Zeek before it has', () => {
    assert.equal(acknowledgementRequest(opened(), SENT, vocabularies), undefined);
    const { conversation } = after(opened(), declare([]));
    assert.equal(
      acknowledgementRequest(conversation, SENT, vocabularies)?.event.name,
      'osquery::hosts::host_rows_sent',
    );
  });
});

test('of two hosts with one id neither takes the word for the other for its own', () => {
  const { conversation, say } = after(opened(), declare([], [HELD], '1.1.0'));
  assert.deepEqual(names(say), [
    'osquery::hosts::host_details_v1',
    'osquery::hosts::host_queries_held',
    'osquery::hosts::host_instance',
  ]);
  const marker = acknowledgementRequest(conversation, SENT, vocabularies);
  assert.equal(marker?.event.name, 'osquery::hosts::host_rows_sent_v2');
  assert.deepEqual(marker?.event.args.slice(1), [
    { type: 'string', value: HOST.instanceId },
    { type: 'count', value: 7n },
  ]);
  const word = (instanceId?: string): ConversationInput => ({
    type: 'acknowledged',
    at: AT,
    acknowledgement: {
      type: 'acknowledge',
      vocabulary: 'zeek-osquery',
      sequence: 7,
      ...(instanceId !== undefined && { instanceId }),
    },
  });
  assert.equal(after(conversation, word(HOST.instanceId)).acknowledgements.length, 1);
  assert.deepEqual(after(conversation, word('another')).acknowledgements, []);
  // Asked by a host whose extension is older.
  assert.deepEqual(after(conversation, word()).acknowledgements, []);
});

test('an acknowledgement is one, and no request', () => {
  assert.deepEqual(after(opened(), acknowledge(41)), {
    conversation: { ...opened(), spoken: ['zeek-osquery'] },
    say: [],
    requests: [],
    acknowledgements: [{ type: 'acknowledge', vocabulary: 'zeek-osquery', sequence: 41 }],
    problems: [],
  });
});

describe('a wider filter', () => {
  test('has what it lets through for the first time said then, and nothing else again', () => {
    const first = after(opened(['/zeek-agent/response/']), { type: 'connected', at: AT });
    assert.deepEqual(topics(first.say), [`/zeek-agent/response/all/${HOST.id}`]);
    const filter = ['/zeek-agent/response/', '/bro/osquery/announce'];
    const second = after(first.conversation, { type: 'filter-changed', at: AT, filter });
    assert.ok(
      second.say.length > 0 && second.say.every(({ topic }) => topic.startsWith('/bro/osquery/announce')),
      String(topics(second.say)),
    );
    const narrower = ['/bro/osquery/announce'];
    const third = after(second.conversation, { type: 'filter-changed', at: AT, filter: narrower });
    assert.deepEqual(third.say, []);
  });
});

test('a Zeek that says which one it is has the host introduced once more, once', () => {
  const first = after(opened(), greet('8.0.10'));
  assert.deepEqual(names(first.say), ['ZeekAgentAPI::agent_hello_v1']);
  assert.deepEqual(
    first.requests.map(({ request }) => request.type),
    ['greet'],
  );
  const second = after(first.conversation, greet('8.0.10'));
  assert.deepEqual(second.say, []);
  const third = after(second.conversation, greet('8.2.0'));
  assert.deepEqual(names(third.say), ['ZeekAgentAPI::agent_hello_v1']);
});

describe('hello is said again', () => {
  test('to a Zeek whose filter is not known only in the vocabularies that it speaks', () => {
    const first = after(opened(), { type: 'connected', at: AT }, HELLO_DUE);
    assert.deepEqual(first.say, []);
    assert.deepEqual(names(after(first.conversation, greet('8.0.10'), HELLO_DUE).say), [
      'ZeekAgentAPI::agent_hello_v1',
    ]);
  });

  test('once a minute where zeek-agent v2 is spoken, and never where it is not', () => {
    assert.equal(helloInterval(vocabularies), 60_000);
    assert.equal(helloInterval(createVocabularies({ enabled: ['zeek-osquery'] })), null);
  });

  test('to one whose filter lets it through, in the vocabularies that want it', () => {
    assert.deepEqual(names(after(opened(['/zeek-agent/response/']), HELLO_DUE).say), [
      'ZeekAgentAPI::agent_hello_v1',
    ]);
    assert.deepEqual(after(opened(['/bro/osquery/']), HELLO_DUE).say, []);
  });
});

test('the vocabulary spoken last comes first, each once', () => {
  const { conversation } = after(opened(), greet('8.0.10'), declare([HELD]), greet('8.0.10'));
  assert.deepEqual(conversation.spoken, ['zeek-agent-2', 'zeek-osquery']);
});

test('a malformed request is answered in its vocabulary and reported as a problem', () => {
  const declared = after(opened(), declare([])).conversation;
  const input = { type: 'malformed', at: AT, vocabulary: 'zeek-osquery', problem: 'no such thing' } as const;
  const { say, problems } = after(declared, input);
  assert.deepEqual(problems, ['no such thing']);
  assert.deepEqual(names(say), ['osquery::hosts::host_warning']);
});

test('a changed host announces itself again, to our own package with its details', () => {
  const host = sampleHost({ groups: ['other'] });
  const changed = { type: 'host-changed', at: AT, host } as const;
  assert.ok(!names(after(opened(), changed).say).includes('osquery::hosts::host_details_v1'));
  const { say, conversation } = after(after(opened(), declare([])).conversation, changed);
  assert.equal(names(say).at(-1), 'osquery::hosts::host_details_v1');
  assert.deepEqual(conversation.host, host);
});

test('lost rows are declared in the vocabulary spoken, else in that of what was asked before, else not', () => {
  const gap = { first: 1, last: 3, rows: 3, reason: 'the journal was full' };
  const lost = (asked: 'zeek-agent-2' | null) => ({ type: 'gap', at: AT, gap, asked }) as const;
  assert.deepEqual(after(opened(), lost(null)).say, []);
  assert.deepEqual(names(after(opened(), lost('zeek-agent-2')).say), ['ZeekAgentAPI::agent_error_v1']);
  const declared = after(opened(), declare([])).conversation;
  assert.deepEqual(names(after(declared, lost('zeek-agent-2')).say), ['osquery::hosts::host_gap']);
});

test('a host that shuts down says so in each vocabulary that has an event for it and is subscribed to', () => {
  const leaving = { type: 'leaving', at: AT } as const;
  assert.deepEqual(names(after(opened(), leaving).say), ['ZeekAgentAPI::agent_shutdown_v1']);
  assert.deepEqual(after(opened(['/bro/osquery/']), leaving).say, []);
  assert.deepEqual(names(after(opened(['/bro/osquery/']), declare([]), leaving).say), [
    'osquery::hosts::host_farewell',
  ]);
});

test('what a Zeek sent is a request, an acknowledgement, a declaration or malformed', () => {
  const topic = '/t';
  const request: Request = { type: 'join', vocabulary: 'zeek-osquery', group: 'g' };
  const never = () => assert.fail('held queries matter to declarations alone');
  assert.deepEqual(heard({ outcome: 'request', request, audience: TO_HOST, topic }, AT, never), {
    type: 'requested',
    at: AT,
    request,
    audience: TO_HOST,
  });
  const statement = { type: 'acknowledge', vocabulary: 'zeek-osquery', sequence: 1 } as const;
  assert.deepEqual(
    heard({ outcome: 'statement', statement, audience: TO_HOST, topic }, AT, never),
    acknowledge(1),
  );
});

test('every step is the same for the same state and input, and all of it survives JSON', () => {
  const input = fc.constantFrom<ConversationInput>(
    { type: 'connected', at: AT },
    greet('8.0.10'),
    greet('8.2.0'),
    declare([HELD]),
    declare([]),
    acknowledge(3),
    HELLO_DUE,
    { type: 'filter-changed', at: AT, filter: ['/zeek-agent/'] },
    { type: 'host-changed', at: AT, host: sampleHost({ groups: ['other'] }) },
    { type: 'notice', at: AT, notice: { level: 'error', text: 'x', query: HELD } },
    { type: 'leaving', at: AT },
  );
  fc.assert(
    fc.property(fc.array(input, { maxLength: 12 }), (inputs) => {
      let [here, there] = [opened(), opened()];
      for (const one of inputs) {
        const step = converse(here, one, vocabularies);
        const again = converse(there, JSON.parse(JSON.stringify(one)), createVocabularies());
        assert.deepEqual(again, step);
        here = step.conversation;
        there = JSON.parse(JSON.stringify(again.conversation));
        assert.deepEqual(there, here);
      }
    }),
  );
});
