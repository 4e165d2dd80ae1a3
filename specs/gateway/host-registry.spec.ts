import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RelaySession } from '../../src/broker/relay-session.ts';
import { GatewayCounts } from '../../src/gateway/counts.ts';
import type { HostNews } from '../../src/gateway/host-news.ts';
import { HostRegistry } from '../../src/gateway/host-registry.ts';
import { parseGatewaySettings } from '../../src/gateway/parse-settings.ts';
import { FleetTopics } from '../../src/vocabulary/fleet-topics.ts';
import { createVocabularies } from '../../src/vocabulary/vocabularies.ts';
import { manualClock } from '../support/manual-clock.ts';

function harness(limits: object = {}) {
  const parsed = parseGatewaySettings({ zeek: 'z', limits });
  assert('settings' in parsed);
  const news: HostNews[] = [];
  const registry = new HostRegistry({
    settings: parsed.settings,
    topics: new FleetTopics(createVocabularies()),
    counts: new GatewayCounts(),
    clock: manualClock(),
    now: () => 0,
    onHost: (one) => void news.push(one),
  });
  const come = (id: string, provedId?: string, endpointId = 'e') => {
    const closed: string[] = [];
    const session = {
      close: (_code: string, message: string) => void closed.push(message),
      pause: () => {},
      resume: () => {},
    } as unknown as RelaySession;
    const filter = [`/bro/osquery/host/${id}`, '/bro/osquery/hosts'];
    const host = registry.admit({ session, from: 'somewhere', endpointId, filter, provedId });
    return { host, closed };
  };
  return { registry, news, come };
}

test('a host that comes anew takes the place of its former connection, and goes on behind what that sent', () => {
  const { registry, news, come } = harness();
  const first = come('h1');
  const again = come('h1');
  assert.equal(registry.hosts.get('h1'), again.host);
  assert.deepEqual(first.closed, ['h1 has reconnected from somewhere']);
  assert.equal(first.host?.position, again.host?.position);
  assert.deepEqual(
    news.map(({ type }) => type),
    ['up', 'replaced', 'up'],
  );
  // The former connection's end takes nothing from the host.
  assert(first.host);
  registry.remove(first.host);
  assert.equal(registry.hosts.size, 1);
  assert.deepEqual([...registry.routes.to('/bro/osquery/host/h1')], [again.host]);
});

test("a host that starts anew again and again is one; two that take each other's place are two, and the second is refused", () => {
  const { registry, news, come } = harness();
  for (const endpointId of ['a', 'b', 'c']) assert(come('h1', undefined, endpointId).host);
  const again = come('h1', undefined, 'b');
  assert.equal(again.host, undefined);
  assert.deepEqual(again.closed, ['another host with the id h1 is connected']);
  assert.equal(come('h1', undefined, 'b').host, undefined);
  assert.equal(registry.hosts.get('h1')?.endpointId, 'c');
  assert.deepEqual(
    news.filter(({ type }) => type === 'duplicate'),
    [{ type: 'duplicate', host: 'h1', from: 'somewhere', other: 'somewhere' }],
  );
  // The one that is connected may connect again, and when it is gone the other may come.
  const kept = come('h1', undefined, 'c').host;
  assert(kept);
  registry.remove(kept);
  assert(come('h1', undefined, 'b').host);
});

test('so it does after a time without one, until all that it sent has arrived', () => {
  const { registry, come } = harness();
  const { host } = come('h1');
  assert(host);
  host.position.last = 7;
  registry.remove(host);
  registry.forgetPositions((position) => position.last < 7);
  const again = come('h1').host;
  assert.equal(again?.position, host.position);
  assert(again);
  registry.remove(again);
  registry.forgetPositions(() => true);
  assert.notEqual(come('h1').host?.position, host.position);
});

test('there are no more hosts than the limit, but one that is there may come anew', () => {
  const { registry, come } = harness({ hosts: 1 });
  come('h1');
  assert.deepEqual(come('h2').closed, ['1 hosts are connected, the limit']);
  assert(come('h1').host);
  assert.equal(registry.hosts.size, 1);
});

test('a host whose certificate has another name is not let in', () => {
  const { registry, come } = harness();
  assert.deepEqual(come('h1', 'h2').closed, ['it says that it is h1, its certificate that it is h2']);
  assert(come('h1', 'h1').host?.isAuthenticated);
  assert.equal(registry.hosts.size, 1);
});

test('while too much waits for the Zeek all hosts are held back, those that come then too', () => {
  const { registry, come } = harness();
  const before = come('h1').host;
  registry.crowd(true);
  const then = come('h2').host;
  assert(before?.holds.has('zeek') && then?.holds.has('zeek'));
  registry.crowd(false);
  assert.equal((before?.holds.size ?? 1) + (then?.holds.size ?? 1), 0);
});
