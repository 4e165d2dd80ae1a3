import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultSettings } from '../../src/cli/extension/extension-context.ts';
import { fetchesQueries, flagAdvice } from '../../src/osquery/flag-advice.ts';

const flags = (values: Readonly<Record<string, string>>) =>
  new Map(
    Object.entries(values).map(
      ([name, value]) => [name, { value, defaultValue: '', type: 'string' }] as const,
    ),
  );
const advice = (
  values: Readonly<Record<string, string>>,
  oneTimeQueries: 'query' | 'distributed' = 'query',
) => flagAdvice(flags(values), { ...defaultSettings(), oneTimeQueries });

test('flags as they should be cause no warning', () => {
  assert.deepEqual(advice({ logger_plugin: 'bro,filesystem' }), []);
  assert.deepEqual(advice({ logger_plugin: 'filesystem, bro ,tls', disable_logging: 'false' }), []);
  const fetching = { disable_distributed: 'false', distributed_plugin: 'bro' };
  assert.deepEqual(advice({ logger_plugin: 'bro,tls', ...fetching }, 'distributed'), []);
});

test('what brings no rows, or ends osqueryd, is said with what would change it', () => {
  assert.deepEqual(advice({ logger_plugin: 'filesystem' }), [
    "osqueryd's --logger_plugin is filesystem: Zeeks only get the rows of one-time queries; set it to bro,filesystem",
  ]);
  assert.deepEqual(advice({ logger_plugin: 'filesystem,bro' }), [
    "osqueryd's --logger_plugin is filesystem,bro: osqueryd exits when its last logger fails, and so whenever this extension stops; set it to bro,filesystem",
  ]);
  assert.deepEqual(advice({ logger_plugin: 'bro', disable_logging: 'true' }), [
    'osquery logs no results (--disable_logging, osqueryi): Zeeks only get the rows of one-time queries',
  ]);
});

test('numbers as numbers are warned of, for an infinity costs the whole result', () => {
  assert.deepEqual(advice({ logger_plugin: 'bro,filesystem', logger_numerics: 'false' }), []);
  assert.deepEqual(advice({ logger_plugin: 'bro,filesystem', logger_numerics: 'true' }), [
    "osqueryd's --logger_numerics is true: a result with an infinite number is cut off there, and all of its rows are lost; set it to false, the rows are the same",
  ]);
});

test('a backup that would have our schedule alone is warned of', () => {
  const backup = { logger_plugin: 'bro,filesystem', config_enable_backup: 'true' };
  assert.deepEqual(advice({ ...backup, config_plugin: 'bro' }), []);
  assert.deepEqual(advice({ ...backup, config_plugin: 'tls' }), [
    "osqueryd's --config_enable_backup saves only the latest update, which is our schedule: if its config plugin fails at a start, osqueryd has no configuration of its own; set it to false",
  ]);
});

test('osqueryd fetches one-time queries where both flags say so', () => {
  const both = { disable_distributed: 'false', distributed_plugin: 'bro' };
  assert.equal(fetchesQueries(flags(both)), true);
  for (const lacking of [
    {},
    { ...both, disable_distributed: 'true' },
    { ...both, distributed_plugin: 'tls' },
  ]) {
    assert.equal(fetchesQueries(flags(lacking)), false);
    assert.deepEqual(advice({ logger_plugin: 'bro,filesystem', ...lacking }, 'distributed'), [
      'osqueryd does not fetch distributed queries from this extension: one-time queries run without its watchdog; set --disable_distributed=false and --distributed_plugin=bro',
    ]);
  }
});
