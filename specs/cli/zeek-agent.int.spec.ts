import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Data } from '../../src/broker/data.ts';
import { ZEEK_AGENT_TABLES } from '../../src/zeek-agent/tables.ts';
import { startBro } from '../support/bro.ts';
import { place } from '../support/place.ts';

/**
 * The queries of the script package zeek-agent-v2 (2.3.0-dev and 2.4) and those of its agent's own tests, asked of the
 * extension beside a stand-in osqueryd: every column of every table, by its type.
 */

/** A value as Zeek would declare it. */
function typeOf(value: Data): string {
  switch (value.type) {
    case 'set':
      return `set(${[...new Set(value.values.map(typeOf))].join(',')})`;
    case 'vector':
      return `record(${value.values.map(typeOf).join(',')})`;
    default:
      return value.type;
  }
}

/** A host with a journal that this spec writes, and files that it may read. */
async function hostWithFiles(t: TestContext, own: object = {}) {
  const bro = await startBro(t, { vocabulary: 'zeek-agent-2' });
  const at = await place(t, { endpoints: [bro.address], uid: 'h1', ...own });
  const files = join(at.directory, 'etc');
  mkdirSync(join(files, 'sub.d'), { recursive: true });
  writeFileSync(join(files, 'sshd_config'), '# comment\n\n  Port 22\nPermitRootLogin\tno\nBanner\n');
  writeFileSync(join(files, 'keys'), '  ssh-ed25519 AAAA \\x0A me@host  \n\nsecond');
  writeFileSync(join(files, '.hidden'), 'x');
  const journal = join(files, 'journal.json');
  writeFileSync(journal, '');
  const bin = join(at.directory, 'bin');
  mkdirSync(bin);
  // What `journalctl` does of what the extension asks of it: entries after a cursor, here the number of a line.
  writeFileSync(
    join(bin, 'journalctl'),
    `#!/bin/sh\nfrom=1\nfor word; do case $word in --after-cursor=*) from=$(( \${word#*=} + 1 ));; --lines=1) from=$(wc -l < ${journal});; esac; done\n[ "$from" -gt 0 ] || from=1\ntail -n +$from ${journal}\n`,
  );
  chmodSync(join(bin, 'journalctl'), 0o755);
  return { bro, at, files, journal, path: `${bin}:${process.env['PATH']}` };
}

test('each table of Zeek Agent has its columns, in their order and of their types', async (t) => {
  const { bro, at, files, path } = await hostWithFiles(t);
  process.env['PATH'] = path;
  at.startExtension();
  const { host } = await bro.until('announced', ({ host: { id } }) => id === 'h1');
  assert.ok(host);
  const none = 'none';
  const expected: readonly [string, readonly (readonly string[])[]][] = [
    [
      'SELECT name,pid,uid,gid,ppid,priority,startup FROM processes',
      [['string'], ['count'], ['count'], ['count'], ['count'], ['string'], [none]],
    ],
    [
      `SELECT * FROM files_list("${files}/*")`,
      [['string'], ['string'], ['count'], ['count'], ['string'], ['timestamp'], ['count']],
    ],
    [`SELECT * FROM files_lines("${files}/keys")`, [['string'], ['count'], ['string']]],
    [
      `SELECT * FROM files_columns("${files}/sshd_config", "$1:text,$2:text")`,
      [['string'], ['count'], ['record(string,string)', 'record(string,none)']],
    ],
    [
      'SELECT * FROM users',
      [
        ['string'],
        ['string'],
        ['boolean'],
        [none],
        ['string'],
        ['count'],
        ['string'],
        ['string', none],
        [none],
      ],
    ],
    [
      'SELECT id, agent_version, addresses, tables, uptime FROM zeek_agent',
      [['string'], ['count'], ['set(address)', 'set()'], ['set(string)'], ['timespan']],
    ],
  ];
  for (const [sql, types] of expected) {
    const query = bro.execute(sql, { updateType: 'SNAPSHOT' });
    const rows = await bro.untilRows(1, query);
    for (const { values } of rows) {
      assert.equal(values.length, types.length, sql);
      for (const [place, value] of values.entries()) {
        assert.ok(types[place]?.includes(typeOf(value)), `${sql}: ${place} is ${typeOf(value)}`);
      }
    }
  }
  assert.equal(ZEEK_AGENT_TABLES.length, 10);
});
