import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeData } from '../../src/broker/binary.ts';
import { count, set, string } from '../../src/broker/data.ts';
import { readMessages, type ZeekEvent } from '../../src/broker/zeek-event.ts';
import { GatewayMessages } from '../../src/gateway/gateway-messages.ts';
import type { VocabularyId } from '../../src/vocabulary/model.ts';
import { createVocabularies } from '../../src/vocabulary/vocabularies.ts';
import { readDeclarations } from '../support/zeek-declarations.ts';

const root = join(import.meta.dirname, '../..');
const scripts = globSync('zeek/osquery/**/*.zeek', { cwd: root }).map((file) =>
  readFileSync(join(root, file), 'utf8'),
);
const { events } = readDeclarations(scripts);

/** A gateway's own messages to a Zeek whose filter has the package's topic, or has not, or is not known. */
function speaking(hasPackage: boolean | undefined) {
  const said: { topic: string; event: ZeekEvent }[] = [];
  const acknowledged: number[] = [];
  const messages = new GatewayMessages({
    ...{ prefix: '/bro/osquery', name: 'gw', endpointId: 'e', version: '1.0.0', now: () => 0 },
    vocabularies: createVocabularies(),
    onAcknowledged: (number) => void acknowledged.push(number),
    knows: (topic) => (topic === '/bro/osquery/gateways' ? hasPackage : undefined),
    say(topic, bytes) {
      for (const message of readMessages(decodeData(bytes)))
        if (message.type === 'event') said.push({ topic, event: message.event });
    },
  });
  messages.begin();
  return { said, acknowledged, messages };
}

const HOST = {
  position: { last: 0 },
  id: 'h1',
  endpointId: 'peer',
  announced: new Set<VocabularyId>(['zeek-osquery']),
};

test('what a gateway says to the package is what the package declares', () => {
  const { said, messages } = speaking(true);
  messages.carries(HOST, 'zeek-osquery');
  messages.lost(HOST, 'gone');
  messages.askFor(7);
  assert.deepEqual(
    said.map((one) => one.event.name),
    ['gateway_hello_v1', 'gateway_carries_v1', 'gateway_lost_v1', 'gateway_rows_sent_v1'].map(
      (name) => `osquery::gateways::${name}`,
    ),
  );
  for (const { topic, event } of said) {
    assert.equal(topic, '/bro/osquery/gateways');
    const declared = events.get(event.name);
    assert.deepEqual(
      event.args.map(({ type }) => type),
      declared?.map(({ type }) => type),
    );
  }
});

test('to a Zeek without the package it says nothing of its own', () => {
  const { said, messages } = speaking(false);
  messages.carries(HOST, 'zeek-osquery');
  messages.declared();
  assert.equal(said.length, 0);
});

test('where the filter is not known it waits until the package shows itself', () => {
  const { said, messages } = speaking(undefined);
  assert.equal(said.length, 0);
  messages.declared();
  assert.deepEqual(
    said.map((one) => one.event.name),
    ['osquery::gateways::gateway_hello_v1'],
  );
});

test("the package's welcome tells which events hosts may send rows as", () => {
  const { messages } = speaking(true);
  const name = 'osquery::gateways::gateway_welcome_v1';
  assert.deepEqual(
    events.get(name)?.map(({ type }) => type),
    ['string', 'string', 'set[string]'],
  );
  const event = { name, args: [string('z'), string('1'), set([string('my::row')])] };
  assert.equal(messages.hear('/bro/osquery/hosts', event), undefined);
  assert.deepEqual(messages.hear('/bro/osquery/gateway/gw', event), ['my::row']);
  assert.equal(messages.hasEvents, true);
});

test('a package from 1.2.0 on acknowledges rows of a stream, an earlier one does not', () => {
  const own = '/bro/osquery/gateway/gw';
  for (const [version, expected] of [
    ['1.1.9', false],
    ['1.2.0', true],
    ['1.10.0', true],
    ['2.0.0', true],
  ] as const) {
    const { messages } = speaking(true);
    const args = [string('z'), string(version), set([])];
    messages.hear(own, { name: 'osquery::gateways::gateway_welcome_v1', args });
    assert.equal(messages.acknowledges, expected, version);
  }
  const { messages, acknowledged } = speaking(true);
  const name = 'osquery::gateways::gateway_acknowledge_v1';
  assert.deepEqual(
    events.get(name)?.map(({ type }) => type),
    ['count'],
  );
  messages.hear(own, { name, args: [count(7)] });
  assert.deepEqual(acknowledged, [7]);
});
