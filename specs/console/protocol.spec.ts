import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Data } from '../../src/broker/data.ts';
import { decodeRequest } from '../../src/console/decode-request.ts';
import type { ConsoleRequest, Item, Question } from '../../src/console/model.ts';
import { decodeItems, encodeItems, encodeRequest } from '../../src/console/protocol.ts';
import { consoleAnswer, consoleRowEncoder } from '../../src/vocabulary/console-query.ts';
import { sampleHost } from '../support/sample-host.ts';
import { readDeclarations } from '../support/zeek-declarations.ts';

const folder = join(import.meta.dirname, '../../zeek/osquery');
const declared = readDeclarations(
  globSync('{framework,console}/*.zeek', { cwd: folder }).map((file) =>
    readFileSync(join(folder, file), 'utf8'),
  ),
);

const QUESTION: Question = {
  ...{
    sql: 'SELECT 1',
    hosts: ['a'],
    groups: ['g'],
    subnets: ['10.0.0.0/8'],
    interval: 5,
    updateType: 'BOTH',
  },
  ...{ timeout: 1_500, maxRows: 7 },
};
const REQUESTS: readonly ConsoleRequest[] = [
  { type: 'open', client: 'c', user: 'me', version: '1' },
  { type: 'alive', client: 'c', received: 3 },
  { type: 'close', client: 'c' },
  { type: 'ask', client: 'c', request: 'r', question: QUESTION },
  { type: 'stop', client: 'c', request: 'r', reason: '' },
  { type: 'list', client: 'c', request: 'r', what: 'host', host: 'a' },
];
const ITEM: Item = { request: 'r', kind: 'row', host: 'a', number: 5, at: 1_234, text: '{}', detail: '' };

/** The type of Zeek's that a value is read as. */
function zeekType(data: Data): string {
  const names: Partial<Record<Data['type'], string>> = { timespan: 'interval', timestamp: 'time' };
  return names[data.type] ?? data.type;
}

function assertDeclared(name: string, args: readonly Data[]): void {
  const parameters = declared.events.get(name);
  assert(parameters, `${name} is declared`);
  assertTypes(args, parameters);
}

function assertTypes(
  values: readonly Data[],
  fields: readonly { readonly name: string; readonly type: string }[],
): void {
  assert.equal(values.length, fields.length);
  for (const [at, { name, type }] of fields.entries()) {
    const value = values[at];
    assert(value);
    const record = declared.records.get(type);
    if (record && value.type === 'vector') assertTypes(value.values, record);
    else if (type.startsWith('vector of ')) {
      assert.equal(value.type, 'vector', name);
      const element = declared.records.get(type.slice('vector of '.length));
      for (const one of value.type === 'vector' ? value.values : []) {
        if (element && one.type === 'vector') assertTypes(one.values, element);
        else assert.equal(zeekType(one), type.slice('vector of '.length), name);
      }
    } else assert.equal(zeekType(value), type, name);
  }
}

test('requests and what comes of them are as the package declares them, and are read back', () => {
  for (const request of REQUESTS) {
    const event = encodeRequest(request);
    assertDeclared(event.name, event.args);
    assert.deepEqual(decodeRequest(event), request);
  }
  const said = encodeItems('c', 9, [ITEM]);
  assertDeclared(said.name, said.args);
  assert.deepEqual(decodeItems(said), { client: 'c', number: 9, items: [ITEM] });
});

test('what is something else is nothing', () => {
  assert.equal(decodeRequest({ name: 'osquery::console::ask_v1', args: [] }), undefined);
  assert.equal(decodeRequest({ name: 'osquery::hosts::host_new', args: [] }), undefined);
  assert.equal(decodeItems({ name: 'osquery::console::say_v1', args: [] }), undefined);
});

test("a host's row and its answer are as the package declares them", () => {
  const query = {
    ...({
      vocabulary: 'zeek-osquery',
      event: 'osquery::console::row',
      sql: 'SELECT 1',
      cookie: 'r',
    } as const),
    ...({
      responseTopic: '/t',
      updateType: 'SNAPSHOT',
      initialRows: true,
      queryId: '',
      zeekInstance: '',
    } as const),
  };
  const columns = [
    { name: 'pid', type: 'BIGINT' },
    { name: 'size', type: 'UNSIGNED BIGINT' },
    { name: 'name', type: 'TEXT' },
    { name: 'load', type: 'DOUBLE' },
  ] as const;
  const encode = consoleRowEncoder(query, columns, sampleHost());
  const row = { change: 'SNAPSHOT', initial: false, unixTime: 1, sequence: 4 } as const;
  const text = (values: Record<string, string>) => {
    const message = encode({ ...row, columns: values });
    assert(!('problem' in message));
    const [info, json] = message.event.args;
    assert(info?.type === 'vector' && json?.type === 'string');
    assert.equal(message.topic, '/t');
    assert.deepEqual(
      declared.events.get('osquery::console::row')?.map(({ type }) => type),
      ['osquery::ResultInfo', 'string'],
    );
    return json.value;
  };
  assert.equal(
    text({ name: 'a"\n', size: '18446744073709551615', pid: '', load: 'inf' }),
    '{"pid":null,"size":18446744073709551615,"name":"a\\"\\n","load":"inf"}',
  );
  // Nothing is held back: a column that nobody knew of comes last, a word in a number's column is a text.
  assert.equal(text({ pid: 'x', more: '1' }), '{"pid":"x","more":"1"}');
  const answer = consoleAnswer({ level: 'error', text: 'no such table', query }, sampleHost());
  assertDeclared(answer.name, answer.args);
  assert.deepEqual(answer.args.slice(1, 3), [
    { type: 'string', value: 'r' },
    { type: 'string', value: 'failed' },
  ]);
});
