import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Data } from '../../src/broker/data.ts';
import type { TopicEvent } from '../../src/broker/zeek-event.ts';
import { type Column, type Query, type RepeatedQuery, VOCABULARY_IDS } from '../../src/vocabulary/model.ts';
import { queryDigest } from '../../src/vocabulary/query-digest.ts';
import { createVocabularies } from '../../src/vocabulary/vocabularies.ts';
import { zeekOsquery } from '../../src/vocabulary/zeek-osquery.ts';
import { PACKAGE_REQUESTS, PACKAGE_VERSION, packageEvents } from '../../src/vocabulary/zeek-package.ts';
import { sampleHost } from '../support/sample-host.ts';
import { readDeclarations } from '../support/zeek-declarations.ts';

const root = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const README = read('zeek/README.md');
const scripts = globSync('zeek/osquery/**/*.zeek', { cwd: root }).map(read);
const examples = [...README.matchAll(/```zeek\n([\s\S]*?)```/g)].map(([, script = '']) => script);
const declared = readDeclarations(scripts);

const vocabulary = zeekOsquery('/bro/osquery');
const says = packageEvents('/bro/osquery');
const host = sampleHost();

const QUERY: Query = {
  vocabulary: 'zeek-osquery',
  event: 'Test::row',
  sql: 'SELECT pid FROM processes',
  cookie: '',
  responseTopic: '/bro/osquery/bro/zeek',
  updateType: 'BOTH',
  initialRows: true,
  queryId: '',
  zeekInstance: '',
};

interface RecordedColumns {
  readonly sql: string;
  readonly columns: readonly Column[];
}

const columnsBySql = new Map(
  ['query-columns.jsonl', 'query-columns-other-systems.jsonl'].flatMap((file) =>
    read(`fixtures/zeek/${file}`)
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => {
        const { sql, columns }: RecordedColumns = JSON.parse(line);
        return [sql, columns] as const;
      }),
  ),
);

/** Why the value is no such Zeek type; empty if it is. */
function mismatch(value: Data, type: string): string {
  const fields = declared.records.get(type);
  if (fields) {
    if (value.type !== 'vector' || value.values.length !== fields.length)
      return `${value.type} for ${type} with ${fields.length} fields`;
    return fields
      .map((field, index) => {
        const inner = value.values[index];
        return inner ? mismatch(inner, field.type) : `${field.name} lacks`;
      })
      .filter(Boolean)
      .join('; ');
  }
  const values = declared.enums.get(type);
  if (values) return value.type === 'enum' && values.includes(value.name) ? '' : `no value of ${type}`;
  const [, container, inner = ''] = /^(vector) of (.*)$/.exec(type) ?? /^(set)\[(.*)\]$/.exec(type) ?? [];
  if (container) {
    if (value.type !== container || !('values' in value)) return `${value.type} for ${type}`;
    return value.values
      .map((item) => mismatch(item, inner))
      .filter(Boolean)
      .join('; ');
  }
  return value.type === BROKER_TYPES.get(type) ? '' : `${value.type} for ${type}`;
}

const BROKER_TYPES: ReadonlyMap<string, Data['type']> = new Map([
  ['string', 'string'],
  ['count', 'count'],
  ['int', 'integer'],
  ['double', 'real'],
  ['bool', 'boolean'],
  ['addr', 'address'],
  ['time', 'timestamp'],
  ['interval', 'timespan'],
]);

function assertDeclared({ event }: TopicEvent, parameters = declared.events.get(event.name)) {
  assert.ok(parameters, `${event.name} is declared`);
  assert.equal(event.args.length, parameters.length, event.name);
  const problems = parameters.map((parameter, index) => {
    const argument = event.args[index];
    return argument ? mismatch(argument, parameter.type) : 'missing';
  });
  assert.deepEqual(problems.filter(Boolean), [], event.name);
}

/** Of the package's events for hosts. */
const MODULE = 'osquery::hosts::';

test('every request that the package declares is understood as declared, and no other is', () => {
  const all = [...vocabulary.requests].map(([name, signature]) => [name, signature] as const);
  const requests = all.filter(([name]) => name.startsWith(MODULE));
  for (const [name, signature] of requests) assert.deepEqual(declared.events.get(name), signature, name);
  // Scripts of zeek-osquery from 0.2.0 on have the same in another module.
  for (const [name, signature] of all.filter(([name]) => !name.startsWith(MODULE))) {
    const twin = vocabulary.requests.get(name.replace(/^osquery::/, MODULE));
    assert.deepEqual(signature, twin, name);
  }
  const fromHosts = [
    'new',
    'details_v1',
    'queries_held',
    'rows_sent',
    'rows_sent_v2',
    'rows_sent_v3',
    'rows_begin_v1',
    'instance',
    'gap',
    'farewell',
    'log',
    'warning',
    'error',
  ];
  const inner = ['changed', 'copied', 'dropped', 'due', 'turn'];
  assert.deepEqual(
    [...declared.events.keys()].filter((name) => name.startsWith('osquery::hosts::host_')).sort(),
    [
      ...requests.map(([name]) => String(name)),
      ...[...fromHosts, ...inner].map((name) => `osquery::hosts::host_${name}`),
    ].sort(),
  );
});

test('every event that a host says to the package has the declared arguments', () => {
  const messages: readonly (TopicEvent | undefined)[] = [
    ...vocabulary
      .announcement(host, { at: 0, connectionId: 'c' })
      // The same for scripts of zeek-osquery from 0.2.0 on.
      .filter(({ event }) => event.name !== 'osquery::host_new'),
    says.details(host),
    says.queriesHeld(host, 'zeek', { size: 1, hash: 'h' }),
    says.rowsSent(host, 1),
    says.rowsSentV2(host, 1),
    says.instance(host),
    says.gap(host, { first: 1, last: 2, rows: 2, reason: 'r' }),
    says.farewell(host),
    ...(['log', 'warning', 'error'] as const).map((level) =>
      vocabulary.notice({ level, text: 't' }, host, { at: 0, packageVersion: '1.0.0' }),
    ),
  ];
  for (const message of messages) {
    assert.ok(message);
    assertDeclared(message);
  }
});

test('desired queries are read in the order of the declared record', () => {
  const fields = declared.records.get('osquery::hosts::DesiredQuery');
  assert.deepEqual(
    fields?.map(({ name }) => name),
    ['ev', 'query', 'cookie', 'resT', 'utype', 'inter'],
  );
  assert.ok(PACKAGE_REQUESTS.has('osquery::hosts::host_desired_queries'));
});

test('each query of the package and of its documentation has an event that takes its rows', () => {
  const documented = readDeclarations(examples);
  const all = [...declared.queries, ...documented.queries];
  assert.deepEqual(new Set(all.map(({ sql }) => sql)), new Set(columnsBySql.keys()));
  for (const { event, sql } of all) {
    const columns = columnsBySql.get(sql);
    assert.ok(columns);
    const encode = vocabulary.rowEncoder({ ...QUERY, event, sql }, columns, host);
    const empty = Object.fromEntries(columns.map(({ name }) => [name, '']));
    const nulls = encode({ change: 'ADDED', initial: false, unixTime: 0, columns: empty });
    assert.ok(!('problem' in nulls));
    const parameters = declared.events.get(event) ?? documented.events.get(event);
    assertDeclared(nulls, parameters);
    const names = columns.map((column) => column.name);
    const taken = parameters?.slice(1).map(({ name }) => name.replace(/_$/, ''));
    if (event.includes('::logging::') && !event.includes('listening_ports')) assert.deepEqual(taken, names);
  }
});

test('documentation and code agree on what a column becomes', () => {
  const zeekTypes = new Map([...BROKER_TYPES].map(([zeek, broker]) => [broker, zeek]));
  const rows = [...README.matchAll(/^\| ([A-Z ]+) \| (\w+) \| (\S+) \|$/gm)];
  assert.equal(rows.length, 7);
  for (const [, type = '', zeek, nullValue] of rows) {
    const column = { name: 'x', type } as Column;
    const encoded = vocabulary.rowEncoder(
      QUERY,
      [column],
      host,
    )({
      change: 'ADDED',
      initial: false,
      unixTime: 0,
      columns: { x: '' },
    });
    assert.ok(!('problem' in encoded));
    const value = encoded.event.args[1];
    assert.ok(value && 'value' in value);
    assert.equal(zeekTypes.get(value.type), zeek, type);
    const shown =
      value.value === ''
        ? 'empty'
        : value.type === 'real'
          ? value.value.toString().concat('.0')
          : String(value.value);
    assert.equal(shown, nullValue, type);
  }
});

test('documentation and code agree on every request of every vocabulary', () => {
  const documented = [...README.matchAll(/^\| (V[1-5])[^|]* \| `([^`(]+)\((.*)\)` \|$/gm)]
    .filter(([, , name]) => name !== 'Test::row')
    .map(([, version, name, parameters]) => `${version} ${name}(${parameters})`);
  const known = createVocabularies().all.flatMap(({ id, requests }) =>
    [...requests].map(
      ([name, signature]) =>
        `V${VOCABULARY_IDS.indexOf(id) + 1} ${name}(${signature.map((p) => `${p.name}: ${p.type}`).join(', ')})`,
    ),
  );
  assert.deepEqual(documented.sort(), known.sort());
});

test('documentation and code agree on the rows of each vocabulary', () => {
  const columns: readonly Column[] = [
    { name: 'pid', type: 'BIGINT' },
    { name: 'name', type: 'TEXT' },
  ];
  const lines = [...README.matchAll(/^\| (V[1-5](?:, V[1-5])*) \| `Test::row\((.*?)\)`/gm)];
  assert.deepEqual(
    lines.flatMap(([, versions = '']) => versions.split(', ')),
    ['V1', 'V2', 'V3', 'V4', 'V5'],
  );
  for (const [, versions = '', parameters = ''] of lines)
    for (const version of versions.split(', ')) {
      const id = VOCABULARY_IDS[Number(version.slice(1)) - 1];
      const speaker = id && createVocabularies().get(id);
      assert.ok(speaker);
      const row = speaker.rowEncoder(
        QUERY,
        columns,
        host,
      )({
        change: 'ADDED',
        initial: false,
        unixTime: 0,
        columns: { pid: '1', name: 'init' },
      });
      assert.ok(!('problem' in row));
      const types = row.event.args.map((arg) => (arg.type === 'integer' ? 'int' : arg.type));
      const expected = parameters
        .split(', ')
        .map((parameter) => parameter.replace(/^.*: /, ''))
        .map((type) => (BROKER_TYPES.has(type) ? type : 'vector'));
      assert.deepEqual(types, expected, version);
    }
});

test('the package and the host compute the same hash over the desired queries', () => {
  const baseline = read('zeek/tests/Baseline/osquery.digest/output').trim().split('\n').slice(1);
  const processes: RepeatedQuery = { ...QUERY, interval: 10 };
  const users: RepeatedQuery = {
    ...QUERY,
    sql: 'SELECT uid FROM users',
    cookie: '\udcffü',
    updateType: 'ADDED',
    interval: 1,
  };
  assert.equal(baseline[1], queryDigest([processes]).hash);
  assert.equal(baseline[3], queryDigest([users, processes]).hash);
  assert.equal(baseline[4], queryDigest([processes, users]).hash);
});

test('what zkg reads points to what is there', () => {
  const meta = read('zkg.meta');
  assert.match(meta, /^script_dir = zeek\/osquery$/m);
  assert.match(meta, /^test_command = cd zeek\/tests && btest -d -c btest\.cfg$/m);
  assert.match(read('zeek/osquery/__load__.zeek'), /@load \.\/framework/);
  const loaded = scripts.flatMap((script) =>
    [...script.matchAll(/^@load (\.\.?\/\S+)$/gm)].map(([, path]) => path),
  );
  assert.ok(loaded.length > 20);
  assert.ok(read('zeek/osquery/framework/options.zeek').includes(`package_version = "${PACKAGE_VERSION}"`));
});
