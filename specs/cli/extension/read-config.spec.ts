import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { createBus } from '../../../src/bus/bus.ts';
import { createHouse } from '../../../src/cli/extension/house.ts';
import { ConfigReader } from '../../../src/cli/extension/read-config.ts';
import type { OsqueryOption } from '../../../src/osquery/manager-values.ts';
import type { Row } from '../../../src/osquery/row.ts';

/** A reader at an osquery whose config plugin has these sources, and what the log has got since it was last asked. */
function reader(t: TestContext, config: { sources: Row; plugin?: string; path?: string; file?: string }) {
  const directory = mkdtempSync(join(tmpdir(), 'bro-config-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const lines: string[] = [];
  const log = pino(
    { base: null, timestamp: false, formatters: { level: (level) => ({ level }) } },
    {
      write: (line: string) => {
        const { level, msg } = JSON.parse(line);
        lines.push(`${level}: ${msg}`);
      },
    },
  );
  const world = { now: () => 0, chance: () => 0, uuid: () => '00000000-0000-4000-8000-000000000000' };
  const house = createHouse({
    world,
    log,
    bus: createBus({ now: world.now, onFailure: () => {} }),
    version: '1',
  });
  const option = (value: string): OsqueryOption => ({ value, defaultValue: '', type: 'string' });
  const configReader = new ConfigReader(house);
  const asked: Row[] = [];
  return {
    house,
    path: (name: string) => join(directory, name),
    asked,
    said: () => lines.splice(0),
    read: () =>
      configReader.read({
        client: {
          call: async (_registry, _item, request) => {
            asked.push(request);
            return { status: { code: 0, message: 'OK', uuid: 0 }, response: [config.sources] };
          },
        },
        options: new Map([
          ['config_plugin', option(config.plugin ?? 'filesystem')],
          ['config_path', option(config.path === undefined ? '' : join(directory, config.path))],
        ]),
        file: config.file === undefined ? undefined : join(directory, config.file),
      }),
  };
}

const bro = (value: object) => JSON.stringify({ bro: value });

test('what is wrong is said when it is new, and the last good configuration stays in force', async (t) => {
  const sources: Record<string, string> = {
    'osquery.conf': bro({ bro_endpoint: 'zeek.example.com', gruops: ['servers'] }),
  };
  const { read, said, house } = reader(t, { sources });
  const peers = () => house.settings().endpoints.map(({ peer }) => peer);
  const misspelt = 'warn: bro.gruops: unknown key, ignored; did you mean groups?';
  const stays = 'error: the configuration is refused; what was in force before stays so';

  assert.equal((await read()).outcome, 'configured');
  assert.deepEqual(said(), [misspelt]);
  await read();
  assert.deepEqual(said(), []);

  sources['osquery.conf'] = bro({ bro_endpoint: 'zeek.example.com:0' });
  const problem =
    'bro.bro_endpoint: "zeek.example.com:0" is no address of a Zeek: its port is "0", not a number from 1 to 65535';
  assert.deepEqual(await read(), { outcome: 'refused', problems: [problem] });
  assert.deepEqual(said(), [`error: ${problem}`, stays]);
  await read();
  assert.deepEqual(said(), []);
  assert.deepEqual(peers(), ['zeek.example.com:9999']);

  sources['osquery.conf'] = '{\n  "bro": {},\n}\n';
  await read();
  assert.deepEqual(said(), [
    "error: osquery.conf: the configuration is no JSON: line 3, column 1: expected a name in double quotes, got '}'; the last one has no comma behind it",
    stays,
  ]);
  assert.deepEqual(peers(), ['zeek.example.com:9999']);

  sources['osquery.conf'] = bro({ bro_endpoint: 'lab.example.com' });
  await read();
  assert.deepEqual(said(), []);
  assert.deepEqual(peers(), ['lab.example.com:9999']);
});

test('a configuration without a Zeek is said to be one', async (t) => {
  const { read, said } = reader(t, { sources: { 'osquery.conf': '{"Bro": {"bro_endpoint": "zeek"}}' } });
  assert.equal((await read()).outcome, 'configured');
  assert.deepEqual(said(), ["warn: osquery's configuration names no Zeek under the key bro"]);
});

test('the config plugin comes before the file of --config_path, and that before our own', async (t) => {
  const config: { sources: Row; path: string; file: string; plugin: string } = {
    sources: { a: bro({ uid: 'plugin' }) },
    path: 'osquery.conf',
    file: 'own.conf',
    plugin: 'filesystem',
  };
  const { read, house, path, asked } = reader(t, config);
  writeFileSync(path('osquery.conf'), bro({ uid: 'osquery' }));
  writeFileSync(path('own.conf'), bro({ uid: 'own' }));
  const uid = async () => {
    await read();
    return house.settings().uid;
  };
  assert.equal(await uid(), 'plugin');
  config.sources = {};
  assert.equal(await uid(), 'osquery');
  assert.equal(asked.length, 2);
  // Where we are the config plugin, osquery would ask us.
  config.plugin = 'bro';
  assert.equal(await uid(), 'osquery');
  assert.equal(asked.length, 2);
  writeFileSync(path('osquery.conf'), '{}');
  assert.equal(await uid(), 'own');
});

test('a file of our own that is not there is a problem, named', async (t) => {
  const { read, path } = reader(t, { sources: {}, file: 'nosuch.conf' });
  const nosuch = path('nosuch.conf');
  assert.deepEqual(await read(), {
    outcome: 'refused',
    problems: [`can't read the configuration ${nosuch}: ENOENT: no such file or directory, open '${nosuch}'`],
  });
});
