import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HopReport, hopReport } from '../../../../../src/cli/extension/observation/row-trace/hops.ts';
import { RowTrace } from '../../../../../src/cli/extension/observation/row-trace/row-trace.ts';
import type { BroLink } from '../../../../../src/conversation/bro-links.ts';
import { Deliverables } from '../../../../../src/delivery/deliverables.ts';
import type { DeliveryCounts } from '../../../../../src/delivery/delivery-counts.ts';
import { createVocabularies } from '../../../../../src/vocabulary/vocabularies.ts';
import { sampleHost } from '../../../../support/sample-host.ts';

/** What osqueryd and the courier do in a moment of a trace, given the names of the test queries. */
interface World {
  readonly peers?: readonly string[];
  readonly ran?: boolean;
  readonly counts?: Partial<DeliveryCounts>;
  readonly refusal?: string;
  readonly vocabulary?: 'zeek-osquery' | 'zeek-agent-2';
}

/** Runs a trace in that world. @returns the reports, what was scheduled in turn, and milliseconds that it took */
async function trace({
  peers = ['z:1'],
  ran = false,
  counts,
  refusal = '',
  vocabulary = 'zeek-osquery',
}: World) {
  let clock = 0;
  const scheduled: string[][] = [];
  const deliverables = new Deliverables(() => false);
  const names = () => scheduled[0] ?? [];
  const none = {
    taken: 0,
    refused: 0,
    sent: 0,
    resent: 0,
    confirmed: 0,
    dropped: 0,
    pending: 0,
    skipped: {},
  };
  const links = peers.map(
    (peer): BroLink =>
      ({
        peer,
        packageVersion: () => '',
        marker: () => undefined,
        vocabulariesSpoken: () => [vocabulary],
      }) as never,
  );
  const rowTrace = new RowTrace({
    links: { all: () => links },
    deliverables,
    counts: () => (counts ? names().map((name) => ({ ...none, peer: peers[0] ?? '', name, ...counts })) : []),
    schedule: async (extra) => {
      if (refusal !== '') throw new Error(refusal);
      scheduled.push(Object.keys(extra));
    },
    client: { query: async () => (ran ? names().map((name) => ({ name })) : []) },
    vocabularies: () => createVocabularies(),
    host: () => sampleHost(),
    now: () => clock,
    uuid: () => '0123456789',
    pause: async (milliseconds) => {
      clock += milliseconds;
    },
  });
  const reports: HopReport[] = [];
  const running = rowTrace.run((report) => reports.push(hopReport.parse(report)));
  const lent = deliverables.all().map(({ name }) => name);
  await running;
  return { reports, scheduled, lent, left: deliverables.size, clock, rowTrace };
}

const said = (reports: readonly HopReport[]) => reports.map(({ hop, ok }) => `${ok ? '' : 'not '}${hop}`);

test('a row that arrives is told hop by hop, and nothing is left of it', async () => {
  const { reports, scheduled, lent, left, clock } = await trace({
    ran: true,
    counts: { taken: 1, sent: 1, confirmed: 1 },
  });
  assert.deepEqual(said(reports), [
    ...['schedule', 'scheduler', 'log call', 'journal', 'encoding', 'link', 'confirmation'],
  ]);
  assert.deepEqual(
    [lent, left, scheduled, clock],
    [['bro_test_01234567_1'], 0, [['bro_test_01234567_1'], []], 0],
  );
});

test('a row that does not arrive is told with the hop that it did not take, and what to do', async () => {
  const worlds: readonly (readonly [World, string])[] = [
    [{ refusal: 'no thrift' }, 'schedule'],
    [{}, 'scheduler'],
    [{ ran: true }, 'log call'],
    [{ counts: { taken: 1, refused: 1 } }, 'journal'],
    [{ counts: { taken: 1, skipped: { misfit: 1 } } }, 'encoding'],
    [{ counts: { taken: 1 } }, 'encoding'],
    [{ counts: { taken: 1, dropped: 1 } }, 'link'],
    [{ counts: { taken: 1, sent: 1 } }, 'confirmation'],
    [{ peers: [] }, 'link'],
  ];
  for (const [world, hop] of worlds) {
    const { reports, left, scheduled } = await trace(world);
    const last = reports.at(-1);
    assert.equal(last?.hop, hop, JSON.stringify([world, reports]));
    assert.equal(last?.ok, false);
    assert.notEqual(last?.advice, '', hop);
    assert.deepEqual([left, scheduled.at(-1) ?? []], [0, []]);
  }
});

test('a second trace while one is under way is refused', async () => {
  const { rowTrace } = await trace({ peers: [] });
  assert.ok(rowTrace);
  let release: (() => void) | undefined;
  const held = new RowTrace({
    links: {
      all: () =>
        [
          { peer: 'z:1', packageVersion: () => '', marker: () => undefined, vocabulariesSpoken: () => [] },
        ] as never,
    },
    deliverables: new Deliverables(() => false),
    counts: () => [],
    schedule: () =>
      new Promise<void>((resolve) => {
        release = resolve;
      }),
    client: { query: async () => [] },
    vocabularies: () => createVocabularies(),
    host: () => sampleHost(),
    now: () => 0,
    uuid: () => '0123456789',
    pause: async () => {},
  });
  void held.run(() => {});
  const second: HopReport[] = [];
  await held.run((report) => second.push(report));
  assert.match(second[0]?.text ?? '', /another test row is under way/);
  assert.ok(release);
});
