import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { readLogs } from '../../src/cli/report/read-logs.ts';
import type { ReportFacts } from '../../src/report/collector.ts';
import { escaped, html, jsonMarkup } from '../../src/report/markup.ts';
import { reportPage } from '../../src/report/page.ts';
import { BEGIN, HOSTILE, json, tsv, writeLogs } from '../support/report-logs.ts';

const ALWAYS = { since: 0, until: Number.POSITIVE_INFINITY };

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'report-'));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

async function factsOf(t: TestContext, format: 'tsv' | 'json', span = ALWAYS): Promise<ReportFacts> {
  const logs = folder(t);
  writeLogs(logs, format);
  return (await readLogs(logs, span)).facts;
}

/** Without an engine: every node lies at the same place. */
const layOut = async (graph: object) => graph as never;

describe('the facts of a report', () => {
  test('are the same of both formats', async (t) => {
    assert.deepEqual(await factsOf(t, 'tsv'), await factsOf(t, 'json'));
  });

  test('hosts are known with what they are, how they ended and what they did', async (t) => {
    const { hosts } = await factsOf(t, 'tsv');
    assert.deepEqual(
      hosts.map(({ hostname }) => hostname),
      [HOSTILE, 'build-7', 'db-1', 'laptop-of-ann', 'web-1', 'web-2'],
    );
    const { described: _described, told: _told, ...web } = hosts[4] ?? { described: 0, told: 0 };
    assert.deepEqual(web, {
      hid: 'id-of-0',
      hostname: 'web-1',
      system: 'Debian GNU/Linux 12 (bookworm)',
      addresses: '10.0.0.1 fe80::1',
      agent: '0.2.0',
      first: BEGIN * 1000,
      last: (BEGIN + 59 * 60) * 1000 + 250,
      rows: 3,
      notices: 9,
      begun: 60,
      received: 12,
      isConnected: true,
    });
    assert.equal(hosts.find(({ hostname }) => hostname === 'build-7')?.isConnected, false);
  });

  test('talks are counted by both ends, program, user and service', async (t) => {
    const { talks, connections, attributed } = await factsOf(t, 'tsv');
    assert.deepEqual([connections, attributed], [193, 133]);
    assert.deepEqual(talks[0], {
      from: { hid: 'id-of-0', host: 'web-1', process: 'gunicorn', user: 'www-data' },
      to: { hid: 'id-of-2', host: 'db-1', process: 'postgres', user: 'postgres' },
      service: '5432/tcp',
      connections: 60,
      bytesOut: (1000 * 60 * 61) / 2,
      bytesIn: 60 * 2_500_000,
      first: BEGIN * 1000 + 250,
      last: (BEGIN + 59 * 60) * 1000 + 250,
    });
  });

  test('a listener is new that was not there when its host was seen first, nor told twice', async (t) => {
    const { listeners } = await factsOf(t, 'json');
    assert.deepEqual(
      listeners.map(({ hostname, port, first, gone }) => [
        hostname,
        port,
        first / 1000 - BEGIN,
        gone / 1000 - BEGIN,
      ]),
      [
        [HOSTILE, '31337/tcp', 1900, -BEGIN],
        ['web-1', '4010/tcp', 1200, 1500],
      ],
    );
  });

  test('notices are counted by type, and hops put together to chains', async (t) => {
    const { noticeCounts, notices, chains } = await factsOf(t, 'tsv');
    assert.deepEqual([...noticeCounts].sort(), [
      ['Scan::Port_Scan', 1],
      ['osquery::hops::Hop', 1],
      ['osquery::watch::New_Listener', 9],
    ]);
    assert.equal(notices[0]?.time, (BEGIN + 59 * 60) * 1000);
    assert.deepEqual(notices[0]?.techniques, ['T1571', 'T1059']);
    assert.deepEqual(
      chains.map(({ id, hops }) => [id, hops.map(({ from, via, to }) => `${from} > ${via} > ${to}`)]),
      [
        ['chain-2', [`laptop-of-ann > ${HOSTILE} > web-2`]],
        ['chain-1', ['203.0.113.9 > web-1 > db-1', 'web-1 > db-1 > build-7']],
      ],
    );
  });

  test('only the lines of the span count', async (t) => {
    const { range, connections } = await factsOf(t, 'tsv', {
      since: (BEGIN + 600) * 1000,
      until: (BEGIN + 1199) * 1000,
    });
    assert.equal(connections, 10 * 3 + 2);
    assert.deepEqual(range, { first: (BEGIN + 600) * 1000, last: (BEGIN + 1140) * 1000 + 250 });
  });

  test('a file that is damaged or cut off counts as far as it goes, and is told', async (t) => {
    const logs = folder(t);
    const rows = [{ ts: BEGIN, note: 'A', msg: 'x' }];
    writeFileSync(join(logs, 'notice.1.log.gz'), 'no gzip at all');
    writeFileSync(join(logs, 'notice.2.log.zst'), zstdCompressSync(json(rows)));
    writeFileSync(join(logs, 'notice.log'), `${tsv('notice', rows)}17958672`);
    writeFileSync(join(logs, 'notice.3.log'), '{"ts":0,"note":"no time"}\n{"ts":');
    const { facts, read } = await readLogs(logs, ALWAYS);
    assert.equal(facts.noticeTotal, 2);
    assert.equal(read.unreadable, 3);
    assert.equal(read.problems.length, 1);
    assert.match(read.problems[0] ?? '', /notice\.1\.log\.gz: incorrect header check$/);
  });
});

describe('the page', () => {
  const make = async (facts: ReportFacts) =>
    reportPage(facts, {
      title: HOSTILE,
      madeAt: BEGIN * 1000,
      version: '0.0.0',
      read: { folder: HOSTILE, files: 1, bytes: 0, unreadable: 1, problems: [HOSTILE] },
      assets: { script: '/* script */', style: '/* style */' },
      layOut,
    });

  test('has no element, attribute or address that a host has said', async (t) => {
    const page = await make(await factsOf(t, 'json'));
    // Two scripts of its own, of which one is data, and no picture.
    assert.deepEqual(page.match(/<script[^>]*>/g), [
      '<script type="application/json" id="charts">',
      '<script>',
    ]);
    assert.equal(page.match(/<\/script/g)?.length, 2);
    assert.doesNotMatch(page, /<img|onerror="|\u202e/);
    assert.doesNotMatch(page, /https?:\/\//);
    assert.match(
      page,
      /Content-Security-Policy" content="default-src &#39;none&#39;; script-src &#39;sha256-/,
    );
  });

  test('says of each log that is missing what writes it', async (t) => {
    const page = await make((await readLogs(folder(t), ALWAYS)).facts);
    for (const log of ['notice', 'osq-hops', 'osq-listening-ports', 'conn']) {
      assert.ok(page.includes(`There is no ${log}.log here`), log);
    }
    assert.ok(page.includes('The logs have no line with a time.'));
  });
});

test('no text becomes markup, and no data ends its element', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(escaped(text), /[<>"'`]|&(?!(amp|lt|gt|quot|#39|#96);)|[\u202a-\u202e]/);
      assert.equal(html`<p>${text}</p>`.text, `<p>${escaped(text)}</p>`);
      const data = jsonMarkup({ text }).text;
      assert.doesNotMatch(data, /[<>&\u2028\u2029]/);
      assert.deepEqual(JSON.parse(data), { text });
    }),
  );
});
