import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { METRICS } from '../../src/cli/extension/observation/metrics.ts';
import { GATEWAY_METRICS } from '../../src/cli/gateway/metrics.ts';
import { anchorOf } from '../../src/cli/manual/sections.ts';
import { TOPICS } from '../../src/cli/manual/topics.ts';
import { broSchema } from '../../src/config/schema.ts';
import { gatewaySchema } from '../../src/gateway/parse-settings.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const page = (topic: string) => `src/cli/manual/${topic}.md`;
const documents = ['README.md', 'zeek/README.md', 'fixtures/docs/README.md', ...TOPICS.map(page)];
const manual = TOPICS.map((topic) => read(page(topic))).join('\n');

const withoutCode = (text: string) => text.replaceAll(/```[\s\S]*?```/g, '');

const anchorsOf = (text: string) =>
  [...withoutCode(text).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => anchorOf(title));

/** Everything in backquotes, with what stands beside it in one pair. */
const words = new Set([...withoutCode(manual).matchAll(/`([^`\n]+)`/g)].map(([, word = '']) => word));

/** The keys of an object of settings and of the objects within. */
function keysOf(schema: z.ZodType): string[] {
  if (schema instanceof z.ZodOptional) return keysOf(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((one) => keysOf(one as z.ZodType));
  if (schema instanceof z.ZodArray) return keysOf(schema.element as z.ZodType);
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape as Readonly<Record<string, z.ZodType>>).flatMap(([key, value]) => [
    key,
    ...keysOf(value),
  ]);
}

test('every page of the manual has its topic, and the README leads to it', () => {
  const files = readdirSync(join(root, 'src/cli/manual')).filter((name) => name.endsWith('.md'));
  assert.deepEqual(files.sort(), TOPICS.map((topic) => `${topic}.md`).sort());
  for (const topic of TOPICS) assert.ok(read('README.md').includes(`](${page(topic)})`), topic);
});

test('the README is a first page: 200 lines at most', () => {
  assert.ok(read('README.md').split('\n').length <= 201);
});

test('every link of the documents leads to a file and a heading that there are', () => {
  for (const path of documents) {
    for (const [, target = ''] of withoutCode(read(path)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [file = '', anchor] = target.split('#');
      const there = file === '' ? path : join(dirname(path), file);
      assert.ok(existsSync(join(root, there)), `${path} links to ${target}`);
      if (anchor !== undefined)
        assert.ok(anchorsOf(read(there)).includes(anchor), `${path} links to ${target}`);
    }
  }
});

test('the manual names every key of the configuration, every vocabulary and every choice', () => {
  const choices = [
    'always',
    'interval',
    'never',
    'zero',
    'none',
    'skip_row',
    'off',
    'info',
    'warning',
    'error',
  ];
  const missing = [...new Set([...keysOf(broSchema), ...keysOf(gatewaySchema), ...choices])].filter(
    (key) => !words.has(key),
  );
  assert.deepEqual(missing, []);
});

test('the manual names every metric', () => {
  assert.deepEqual(
    METRICS.map(({ name, kind }) =>
      kind === 'counter' && !name.endsWith('_total') ? `${name}_total` : name,
    ).filter((name) => !words.has(name)),
    [],
  );
});

test('the manual names every metric of a gateway', () => {
  assert.deepEqual(
    GATEWAY_METRICS.map(({ name }) => `gateway_${name}`).filter((name) => !words.has(name)),
    [],
  );
});

test('the manual names every area of the log', () => {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ts'),
  );
  const areas = sources.flatMap((path) =>
    [...read(join('src', path)).matchAll(/\barea: '([a-z-]+)'/g)].map(([, area = '']) => area),
  );
  assert.ok(areas.length > 20);
  assert.deepEqual(
    [...new Set(areas)].filter((area) => !words.has(area)),
    [],
  );
});
