import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { createBus } from '../../../../src/bus/bus.ts';
import { createExtensionContext } from '../../../../src/cli/extension/extension-context.ts';
import { ConfigReader } from '../../../../src/cli/extension/ports/read-config.ts';
import type { CallResult, OsqueryOption } from '../../../../src/osquery/manager-values.ts';
import { OsqueryError } from '../../../../src/osquery/osquery-error.ts';
import type { Row } from '../../../../src/osquery/row.ts';

/** Where the configuration is read, and what is in effect when it can't be. */

const NOW = Date.UTC(2026, 10, 24, 9, 0, 0);
const GONE = { code: 1, message: 'config file does not exist: /etc/osquery/osquery.conf' };

/** A reader with an osqueryd whose config plugin says what `plugin.says` is at the moment. */
function reading(t: TestContext, own: { readonly plugin?: string; readonly file?: string } = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'bro-config-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const plugin: { says: CallResult | OsqueryError } = {
    says: { status: { code: 0, message: '' }, response: [] },
  };
  const osquery = { asked: [] as { registry: string; item: string; request: Row }[] };
  const client = {
    async call(registry: string, item: string, request: Row): Promise<CallResult> {
      osquery.asked.push({ registry, item, request });
      if (plugin.says instanceof OsqueryError) throw plugin.says;
      return plugin.says;
    },
  };
  const flag = (value: string): OsqueryOption => ({ value, defaultValue: '', type: 'string' });
  const flags = new Map([
    ['config_plugin', flag(own.plugin ?? 'tls')],
    ['config_path', flag(join(directory, 'osquery.conf'))],
  ]);
  /** A process of its own on the same state directory. */
  function start() {
    const lines: string[] = [];
    const log = new Writable({
      write(chunk, _encoding, done) {
        const { level, msg } = JSON.parse(String(chunk));
        lines.push(`${level}: ${msg}`.replaceAll(directory, '…'));
        done();
      },
    });
    const bus = createBus({ now: () => NOW, onFailure: (error) => assert.fail(String(error)) });
    const context = createExtensionContext({
      runtime: { now: () => NOW, random: () => 0, uuid: () => 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa' },
      log: pino({ formatters: { level: (label) => ({ level: label }) } }, log),
      bus,
      version: '0.1.0',
    });
    const file = own.file === undefined ? undefined : join(directory, own.file);
    const reader = new ConfigReader(context, { client, file, stateDirectory: directory });
    const good: boolean[] = [];
    return {
      context,
      /** Of each reading. */
      good,
      said: () => lines.splice(0),
      keep: () => reader.keepIn(directory),
      async read() {
        const { result, isNews, isGood } = await reader.read(flags);
        good.push(isGood);
        const news = isNews ? 'news' : 'as before';
        return result.outcome === 'configured'
          ? [news, ...result.configuration.peers]
          : [news, 'refused', ...result.problems.map((problem) => problem.replaceAll(directory, '…'))];
      },
    };
  }
  const gives = (texts: Row): CallResult => ({ status: { code: 0, message: 'OK' }, response: [texts] });
  const write = (name: string, bro: unknown) => writeFileSync(join(directory, name), JSON.stringify({ bro }));
  return { directory, plugin, osquery, gives, write, start };
}

const zeek = (address: string) => JSON.stringify({ bro: { bro_endpoint: address } });

test('the configuration comes from whatever config plugin osquery has', async (t) => {
  const { plugin, osquery, gives, write, start } = reading(t, { file: 'own.conf' });
  write('osquery.conf', { bro_endpoint: 'file:1' });
  write('own.conf', { bro_endpoint: 'own:1' });
  plugin.says = gives({ 'https://config.example/': zeek('plugin:1') });
  const { read, said } = start();
  assert.deepEqual(await read(), ['news', 'plugin:1']);
  // By its name: no plugin is the active one yet while osqueryd waits for its extensions.
  assert.deepEqual(osquery.asked, [{ registry: 'config', item: 'tls', request: { action: 'genConfig' } }]);
  assert.deepEqual(said(), ["info: read the configuration from osquery's config plugin tls"]);
});

test('else from the file of --config_path, else from our own --config', async (t) => {
  const { plugin, gives, write, start } = reading(t, { file: 'own.conf' });
  // As the plugin `update` answers.
  plugin.says = gives({});
  write('own.conf', { bro_endpoint: 'own:1' });
  const { read, said } = start();
  assert.deepEqual(await read(), ['news', 'own:1']);
  assert.deepEqual(said(), ['info: read the configuration from …/own.conf']);
  write('osquery.conf', { bro_endpoint: 'file:1' });
  assert.deepEqual(await read(), ['news', 'file:1']);
  assert.deepEqual(said(), ['info: read the configuration from …/osquery.conf']);
});

test('osquery is never asked for the configuration that it has from us', async (t) => {
  const { osquery, write, start } = reading(t, { plugin: 'bro' });
  write('osquery.conf', { bro_endpoint: 'file:1' });
  assert.deepEqual(await start().read(), ['news', 'file:1']);
  assert.deepEqual(osquery.asked, []);
});

test('a configuration without a Zeek is said to be one', async (t) => {
  const { plugin, gives, start } = reading(t);
  for (const text of ['{"schedule": {}}', '{"bro": {}}', '{"Bro": {"bro_endpoint": "zeek"}}']) {
    plugin.says = gives({ main: text });
    const { read, said } = start();
    assert.deepEqual(await read(), ['news']);
    assert.deepEqual(said(), ["warn: osquery's configuration names no Zeek under the key bro"]);
  }
});

test('a file of our own that is not there is a problem, named', async (t) => {
  const { start } = reading(t, { plugin: 'update', file: 'nosuch.conf' });
  const problem =
    "can't read the configuration …/nosuch.conf: ENOENT: no such file or directory, open '…/nosuch.conf'";
  assert.deepEqual(await start().read(), ['news', 'refused', problem]);
});

test('a syntax error leaves the last good configuration in effect, and is reported with its place', async (t) => {
  const { plugin, gives, start } = reading(t);
  plugin.says = gives({ 'osquery.conf': zeek('plugin:1') });
  const { context, read, said } = start();
  await read();
  said();
  plugin.says = gives({ 'osquery.conf': '{\n  "bro": {},\n}\n' });
  await read();
  assert.deepEqual(said(), [
    "error: osquery.conf: the configuration is not valid JSON: line 3, column 1: expected a name in double quotes, got '}'; the last one has no comma behind it",
    "warn: the last good configuration (osquery's config plugin tls, 2026-11-24T09:00:00.000Z) stays in effect",
  ]);
  await read();
  assert.deepEqual(said(), []);
  assert.equal(context.settings().endpoints.length, 1);
});

test('a plugin that has no answer just now leaves the last good configuration in force', async (t) => {
  const { plugin, gives, write, start } = reading(t, { file: 'own.conf' });
  write('own.conf', { bro_endpoint: 'own:1' });
  plugin.says = gives({ main: zeek('plugin:1') });
  const { context, read, said, good } = start();
  await read();
  said();
  plugin.says = { status: { code: 1, message: 'Request error: connection refused' }, response: [] };
  const problem = "osquery's config plugin tls returned no configuration: Request error: connection refused";
  assert.deepEqual(await read(), ['news', 'refused', problem]);
  const kept = "(osquery's config plugin tls, 2026-11-24T09:00:00.000Z)";
  assert.deepEqual(said(), [
    `error: ${problem}`,
    `warn: the last good configuration ${kept} stays in effect`,
  ]);
  plugin.says = new OsqueryError('unreachable', 'osqueryd does not answer');
  assert.deepEqual(await read(), ['news', 'refused', 'osqueryd does not answer']);
  assert.deepEqual(
    context.settings().endpoints.map(({ peer }) => peer),
    ['plugin:1'],
  );
  plugin.says = gives({ main: zeek('plugin:1') });
  assert.deepEqual(await read(), ['news', 'plugin:1']);
  assert.deepEqual(good, [true, false, false, true]);
});

test('an osquery that has no configuration at all leaves it to --config', async (t) => {
  const { plugin, write, start } = reading(t, { file: 'own.conf' });
  plugin.says = { status: GONE, response: [] };
  write('own.conf', { bro_endpoint: 'own:1' });
  const { read, good } = start();
  assert.deepEqual(await read(), ['news', 'own:1']);
  assert.deepEqual(await read(), ['as before', 'own:1']);
  // Which is no reason to wait long before osquery is asked again.
  assert.deepEqual(good, [false, false]);
});

test('problems are reported once, and changes that need a restart', async (t) => {
  const { plugin, gives, start } = reading(t);
  const config = (bro: object) => gives({ main: JSON.stringify({ bro }) });
  plugin.says = config({ bro_endpoint: 'plugin:1', uidd: 'x' });
  const { read, said, keep } = start();
  assert.deepEqual(await read(), ['news', 'plugin:1']);
  assert.deepEqual(said(), [
    'warn: bro.uidd: unknown key, ignored; did you mean uid?',
    "info: read the configuration from osquery's config plugin tls",
  ]);
  await keep();
  assert.deepEqual(await read(), ['as before', 'plugin:1']);
  assert.deepEqual(said(), []);
  plugin.says = config({
    bro_endpoint: 'plugin:1',
    tables: true,
    limits: { journal_age: 60 },
    tls: { require_authentication: false },
  });
  assert.deepEqual(await read(), ['news', 'plugin:1']);
  assert.deepEqual(said(), [
    "info: read the configuration from osquery's config plugin tls",
    'warn: bro.tables: takes effect at the next start of the extension',
    'warn: bro.limits.journal_age: takes effect at the next start of the extension',
  ]);
});

test('the last good configuration is in effect also after a start, where nobody else can read it', async (t) => {
  const { directory, plugin, gives, start } = reading(t);
  const secret = {
    bro_endpoint: 'plugin:1',
    tls: { ca: 'a', certificate: 'b', key: 'c', passphrase: 'secret' },
  };
  plugin.says = gives({ main: JSON.stringify({ bro: secret }) });
  const first = start();
  await first.read();
  await first.keep();
  assert.equal(statSync(join(directory, 'configuration.json')).mode & 0o777, 0o600);
  plugin.says = gives({ main: '{"bro": {"bro_endpoint": "plugin:0"}}' });
  const second = start();
  assert.deepEqual(await second.read(), ['news', 'plugin:1']);
  const kept = "(osquery's config plugin tls, 2026-11-24T09:00:00.000Z)";
  const [problem = '', ...more] = second.said();
  assert.match(problem, /^error: bro\.bro_endpoint: /);
  assert.deepEqual(more, [`warn: the last good configuration ${kept} is in effect`]);
  assert.equal(second.context.settings().endpoints[0]?.tls.passphrase, 'secret');
  await second.keep();
  plugin.says = gives({ main: zeek('plugin:2') });
  assert.deepEqual(await second.read(), ['news', 'plugin:2']);
  assert.deepEqual(JSON.parse(readFileSync(join(directory, 'configuration.json'), 'utf8')), {
    at: NOW,
    source: "osquery's config plugin tls",
    bro: { bro_endpoint: 'plugin:2' },
  });
});

test('a bad configuration at the first start, or beside a kept one that is bad, is a host without Zeeks', async (t) => {
  const { directory, plugin, gives, start } = reading(t);
  plugin.says = gives({ main: '{"bro": 7}' });
  for (const kept of ['', '{"at": 1', '{"at": 1, "source": "x", "bro": 7}']) {
    writeFileSync(join(directory, 'configuration.json'), kept);
    const { read, said } = start();
    const problem = 'bro: expected an object of settings, got 7';
    assert.deepEqual(await read(), ['news', 'refused', problem]);
    assert.deepEqual(said(), [
      `error: ${problem}`,
      'error: no valid configuration so far: this host connects to no Zeek yet',
    ]);
    assert.deepEqual(await read(), ['as before', 'refused', problem]);
    assert.deepEqual(said(), []);
  }
});

test('a configuration whose directory is gone from under us is in effect all the same', async (t) => {
  const { directory, plugin, gives, start } = reading(t);
  plugin.says = gives({ main: zeek('plugin:1') });
  const { read, said, keep } = start();
  await read();
  said();
  rmSync(directory, { recursive: true });
  writeFileSync(directory, 'no directory');
  await keep();
  assert.match(said().join(), /^warn: can't save the configuration: /);
  assert.deepEqual(await read(), ['as before', 'plugin:1']);
});
