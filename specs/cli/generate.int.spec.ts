import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { describersFor } from '../../src/cli/generate/describers.ts';
import { generatePacks } from '../../src/cli/generate/generate-packs.ts';
import { planQuery } from '../../src/generate/plan-query.ts';
import { skeleton } from '../../src/generate/zeek-script.ts';
import { readDeclarations } from '../support/zeek-declarations.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/generate');
const types = await describersFor({});

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'generate-'));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

const generate = (out: string, ...paths: readonly string[]) =>
  generatePacks(paths, { out, interval: 3600, types });
/** But for the version of the program. */
const body = (file: string) => readFileSync(file, 'utf8').replace(/^.*\n/, '');

describe('generate', () => {
  test('a pack becomes the script that Zeek was run with', async (t) => {
    const out = folder(t);
    const done = await generate(out, join(FIXTURES, 'pack.conf'));
    assert.equal(body(join(out, 'pack.zeek')), body(join(FIXTURES, 'pack.zeek')));
    assert.deepEqual(done.lines, [
      `${join(out, 'pack.zeek')}: 6 of 12 queries of pack`,
      `${join(out, '__load__.zeek')}: loads all of them (@load ${out})`,
    ]);
    assert.deepEqual(done.problems, [
      'pack: odd system: left out: its platform "gentoo" is none of darwin, linux and windows',
      'pack: too seldom: left out: its interval 99999999 is not a number of seconds up to 604800',
      'pack: my counter: left out: osquery reserves names like this',
      'pack: gone: left out: no such table: opera_extensions',
      'pack: other system: left out: its platforms and those of its pack have none in common',
      'pack: two: left out: it is several statements',
    ]);
    assert.deepEqual([done.written, done.refused], [6, 6]);
  });

  test('events and logs of a query have its columns, in order', async (t) => {
    const out = folder(t);
    await generate(out, FIXTURES);
    const scripts = readdirSync(out).map((name) => readFileSync(join(out, name), 'utf8'));
    const { events, records } = readDeclarations(scripts);
    assert.equal(events.size, 6 + 1 + 1 + 2);
    for (const [name, [info, ...parameters]] of events) {
      assert.equal(info?.type, 'osquery::ResultInfo');
      assert.deepEqual(records.get(name.replace(/::row$/, '::Info'))?.slice(1), parameters);
    }
  });

  test('policies are asked of the platforms that have their tables', async (t) => {
    const out = folder(t);
    const done = await generate(out, join(FIXTURES, 'gitops.queries.yml'));
    assert.deepEqual(done.lines.slice(0, 1), [
      `${join(out, 'gitops.zeek')}: 3 queries of gitops, 1 of them policies`,
    ]);
    const script = readFileSync(join(out, 'gitops.zeek'), 'utf8');
    assert.ok(script.includes('@load osquery/policies\n'));
    assert.ok(
      script.endsWith(`module osquery::packs::gitops;

event zeek_init()
	{
	osquery::policy(osquery::Policy($name="gitops: Encrypted",
	                                $target=osquery::Target($platforms=set("darwin", "linux")),
	                                $resolution="Encrypt it.",
	                                $query="SELECT 1 FROM disk_encryption WHERE encrypted = 1"));
	}
`),
    );
  });

  test('a second run changes nothing, and new queries take no name away', async (t) => {
    const out = folder(t);
    const pack = join(out, 'names.conf');
    const write = (...names: readonly string[]) =>
      writeFileSync(
        pack,
        JSON.stringify({
          queries: Object.fromEntries(names.map((name) => [name, { query: 'SELECT 1 AS one' }])),
        }),
      );
    write('b c');
    await generate(out, pack);
    const first = readFileSync(join(out, 'names.zeek'), 'utf8');
    await generate(out, pack);
    assert.equal(readFileSync(join(out, 'names.zeek'), 'utf8'), first);
    write('b_c', 'B C', 'b c');
    await generate(out, pack);
    const names = [...readFileSync(join(out, 'names.zeek'), 'utf8').matchAll(/^# Name: (\w+) "b c"$/gm)];
    assert.deepEqual(
      names.map(([, name]) => name),
      ['b_c'],
    );
  });

  test('packs of an earlier run stay loaded', async (t) => {
    const out = folder(t);
    await generate(out, join(FIXTURES, 'pack.conf'));
    await generate(out, join(FIXTURES, 'fleet.yml'));
    const loads = [...readFileSync(join(out, '__load__.zeek'), 'utf8').matchAll(/^@load (.*)$/gm)];
    assert.deepEqual(
      loads.map(([, name]) => name),
      ['./fleet', './pack', './servers'],
    );
  });

  test("somebody else's script is left as it is", async (t) => {
    const out = folder(t);
    writeFileSync(join(out, 'pack.zeek'), 'print "mine";\n');
    await assert.rejects(generate(out, join(FIXTURES, 'pack.conf')), /was not written by this command/);
    assert.equal(readFileSync(join(out, 'pack.zeek'), 'utf8'), 'print "mine";\n');
    assert.ok(!existsSync(join(out, '__load__.zeek')));
  });

  test('files that are not there, and packs that a configuration names elsewhere, are told', async (t) => {
    const out = folder(t);
    const config = join(out, 'osquery.conf');
    writeFileSync(config, JSON.stringify({ packs: { x: '/nosuch/x.conf' } }));
    const { problems, written } = await generate(out, config, join(out, 'nosuch.conf'));
    assert.equal(written, 0);
    assert.match(problems[0] ?? '', /it names \/nosuch\/x.conf, which is not here: give its copy as well$/);
    assert.match(problems[1] ?? '', /^ENOENT: .*nosuch\.conf/);
  });
});

test('one query becomes a skeleton, limited to the platforms that have its table', async () => {
  const plan = await planQuery('SELECT name, interval FROM apt_sources, time', ['linux'], types.describers);
  assert.match(String(plan), /no such column: interval/);
  const fine = await planQuery(
    'SELECT name, base_uri AS event FROM apt_sources',
    ['darwin', 'linux'],
    types.describers,
  );
  assert.ok(typeof fine !== 'string');
  const script = skeleton('Sources::changed', fine, { interval: 60, updateType: 'BOTH' });
  assert.equal(
    script,
    `@load osquery
@load osquery/packs

module Sources;

export {
	## Not on darwin: no such table: apt_sources.
	## A row of the query.
	global changed: event(info: osquery::ResultInfo, name: string, event_: string);
}

event changed(info: osquery::ResultInfo, name: string, event_: string)
	{
	print osquery::hosts::hostname(info$host), osquery::change(info), name, event_;
	}

event zeek_init()
	{
	local q = osquery::Query($ev=changed, $utype=osquery::BOTH, $inter=60, $cookie="Sources::changed",
	                         $query="SELECT name, base_uri AS event FROM apt_sources");
	osquery::packs::keep_query(q, vector(osquery::packs::Condition($platforms=set("linux"))));
	}
`,
  );
});
