import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';

/**
 * The layers: a file may import from its own folder and from the folders named here, nothing
 * else. Only src/cli knows everybody.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'src/text': [],
  'src/files': [],
  'src/broker': ['src/text'],
  'src/osquery': ['src/text'],
  'src/generate': ['src/text', 'src/osquery'],
  'src/nats': ['src/text', 'src/broker'],
  'src/vocabulary': ['src/text', 'src/broker'],
  'src/schedule': ['src/text', 'src/vocabulary'],
  'src/conversation': ['src/text', 'src/broker', 'src/vocabulary'],
  'src/event-log': ['src/files', 'src/schedule', 'src/vocabulary'],
  'src/delivery': ['src/text', 'src/files', 'src/osquery', 'src/broker', 'src/vocabulary', 'src/schedule'],
  'src/zeek-agent': ['src/text', 'src/osquery', 'src/broker', 'src/vocabulary', 'src/schedule'],
  'src/query': [
    'src/text',
    'src/files',
    'src/osquery',
    'src/vocabulary',
    'src/schedule',
    'src/delivery',
    'src/zeek-agent',
  ],
  'src/bus': ['src/text', 'src/vocabulary', 'src/schedule'],
  'src/config': ['src/text', 'src/vocabulary', 'src/schedule', 'src/broker', 'src/nats'],
  actors: ['src/text', 'src/bus', 'src/schedule', 'src/vocabulary'],
  'src/replay': [
    'src/text',
    'src/schedule',
    'src/event-log',
    'src/vocabulary',
    'src/conversation',
    'src/bus',
    'actors',
  ],
  'src/inspect': [
    'src/text',
    'src/vocabulary',
    'src/schedule',
    'src/event-log',
    'src/bus',
    'actors',
    'src/replay',
  ],
  'src/console': ['src/text', 'src/broker', 'src/vocabulary'],
  'src/console-page': ['src/text', 'src/console', 'src/inspect'],
  'src/zeek-client': ['src/text', 'src/broker', 'src/vocabulary', 'src/console'],
  'src/report': ['src/text', 'src/replay'],
  'src/simulation': ['src/text', 'src/broker', 'src/vocabulary', 'src/conversation', 'src/zeek-client'],
  'src/gateway': ['src/text', 'src/broker', 'src/nats', 'src/vocabulary', 'src/config'],
  'src/sandbox': ['src/text', 'src/broker', 'src/osquery', 'src/vocabulary', 'src/schedule'],
};

const root = join(import.meta.dirname, '..');
const sources = globSync(['src/**/*.ts', 'actors/**/*.ts'], { cwd: root }).filter(
  (file) => !file.endsWith('.d.ts'),
);

function layerOf(file: string): string {
  return file.startsWith('actors/') ? 'actors' : file.split('/').slice(0, 2).join('/');
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) =>
    relative(root, join(root, dirname(file), match[1] ?? '')),
  );
}

test('every import points down', () => {
  const wrong: string[] = [];
  for (const file of sources) {
    const layer = layerOf(file);
    if (layer === 'src/cli') continue;
    const allowed = MAY_IMPORT[layer];
    if (!allowed) {
      wrong.push(`${file}: its folder is in no layer`);
      continue;
    }
    for (const target of importsOf(file)) {
      const targetLayer = layerOf(target);
      if (targetLayer !== layer && !allowed.includes(targetLayer)) wrong.push(`${file} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

/** Files that touch the outside say so in their name; only the composition root and their own kind import them. */
const OUTSIDE = /-(connection|client|server|store)\.ts$/;

test('files that touch the outside are imported by src/cli and by files that touch the outside alone', () => {
  const wrong = sources
    .filter((file) => layerOf(file) !== 'src/cli' && layerOf(file) !== 'src/sandbox' && !OUTSIDE.test(file))
    .flatMap((file) =>
      importsOf(file)
        .filter((target) => OUTSIDE.test(target))
        .filter((target) => !importsTypesOnly(file, target))
        .map((target) => `${file} imports ${target}`),
    );
  assert.deepEqual(wrong, []);
});

function importsTypesOnly(file: string, target: string): boolean {
  const text = readFileSync(join(root, file), 'utf8');
  const path = target.split('/').at(-1) ?? '';
  return [...text.matchAll(/import\s+(type\s)?[^;]*?from\s+'([^']+)'/g)]
    .filter((match) => match[2]?.endsWith(`/${path}`))
    .every((match) => match[1] !== undefined);
}

test('pure files take time, chance, files and sockets as arguments', () => {
  const pure = sources.filter(
    (file) => layerOf(file) !== 'src/cli' && layerOf(file) !== 'src/sandbox' && !OUTSIDE.test(file),
  );
  const forbidden =
    /\b(Date\.now|Math\.random|console\.\w+|process\.(env|argv|exit)|new Date\(\)|randomUUID)\b|from 'node:(fs|net|tls|http|child_process|dgram)/;
  assert.deepEqual(
    pure.filter((file) =>
      forbidden.test(readFileSync(join(root, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')),
    ),
    [],
  );
});

test('no files import each other in a circle, types included', () => {
  const circles: string[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const known = new Set(sources);
  const visit = (file: string, path: readonly string[]): void => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      circles.push([...path.slice(path.indexOf(file)), file].join(' > '));
      return;
    }
    state.set(file, 'open');
    for (const target of importsOf(file)) if (known.has(target)) visit(target, [...path, file]);
    state.set(file, 'done');
  };
  for (const file of sources) visit(file, []);
  assert.deepEqual(circles, []);
});

/** The rooms of the extension: each may import of the others what is named here, and all know the context. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  observation: ['ports'],
  ports: [],
  wiring: ['ports', 'observation'],
};

test('the rooms of the extension import one another one way, and wiring keeps nothing that changes', () => {
  const folder = 'src/cli/extension/';
  const inside = sources.filter((file) => file.startsWith(folder));
  const roomOf = (file: string) => file.slice(folder.length).split('/').slice(0, -1)[0] ?? '';
  const wrong = inside.flatMap((file) => {
    const own = roomOf(file);
    return importsOf(file)
      .filter((target) => target.startsWith(folder))
      .map(roomOf)
      .filter((room) => room !== own && room !== '' && !(ROOMS[own] ?? []).includes(room))
      .map((room) => `${file} imports of ${room}`);
  });
  assert.deepEqual(wrong, []);
  const run = readFileSync(join(root, folder, 'wiring/run.ts'), 'utf8');
  assert.doesNotMatch(run, /^\s*(let|var) /m);
  assert.ok(run.split('\n').length <= 151, `wiring/run.ts has ${run.split('\n').length - 1} lines`);
});
