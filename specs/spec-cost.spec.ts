import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';

/** Modules that open sockets, start processes or drive a browser. */
const OUTSIDE = /^(node:)?(net|tls|http|https|http2|child_process|dgram)$|^(ws|nats|playwright-core)$/;
/** What node:net has that opens nothing. */
const HARMLESS = /^(isIP|isIPv4|isIPv6|BlockList|SocketAddress)$/;

const root = join(import.meta.dirname, '..');
const specs = globSync('specs/**/*.spec.ts', { cwd: root });

interface Import {
  readonly from: string;
  /** Imported names; empty where the module is imported whole. */
  readonly names: readonly string[];
}

/** What a file imports when it runs: imports of types alone are left out. */
function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const statements = text.matchAll(
    /^(?:import|export)\s+(?!type\b)([^;']*?)\s*\bfrom\s*'([^']+)'|^import\s*'([^']+)'|\bimport\(\s*'([^']+)'/gm,
  );
  return [...statements].flatMap(([, clause = '', from, bare, dynamic]) => {
    const braces = /^\{([^}]*)\}$/.exec(clause.trim());
    const names =
      braces?.[1]
        ?.split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '') ?? [];
    const values = names.filter((name) => !name.startsWith('type '));
    if (names.length > 0 && values.length === 0) return [];
    return [{ from: from ?? bare ?? dynamic ?? '', names: values }];
  });
}

function opens({ from, names }: Import): boolean {
  return OUTSIDE.test(from) && !(names.length > 0 && names.every((name) => HARMLESS.test(name)));
}

/** The way from a file to a module of the outside, undefined if there is none. */
function wayOut(spec: string): string | undefined {
  const cameFrom = new Map<string, string | undefined>([[spec, undefined]]);
  for (const file of cameFrom.keys()) {
    for (const each of importsOf(file)) {
      if (opens(each)) return wayTo(file, each.from, cameFrom);
      if (!each.from.startsWith('.')) continue;
      const target = relative(root, join(root, dirname(file), each.from));
      if (target.endsWith('.ts') && existsSync(join(root, target)) && !cameFrom.has(target))
        cameFrom.set(target, file);
    }
  }
  return undefined;
}

function wayTo(file: string, module: string, cameFrom: ReadonlyMap<string, string | undefined>): string {
  const way = [module];
  for (let at: string | undefined = file; at !== undefined; at = cameFrom.get(at)) way.unshift(at);
  return way.join(' > ');
}

test('specs that can open a socket, a process or a browser are named .int.spec.ts, and no others are', () => {
  const wrong = specs.flatMap((spec) => {
    const way = wayOut(spec);
    if (spec.endsWith('.int.spec.ts')) {
      return way === undefined
        ? [`${spec} opens nothing: name it .spec.ts, so that make test-unit runs it`]
        : [];
    }
    return way === undefined ? [] : [`name it .int.spec.ts: ${way}`];
  });
  assert.deepEqual(wrong, []);
});

test('specs that share a process have their hooks in a suite of their own', () => {
  const shared = specs.filter((spec) => !spec.endsWith('.int.spec.ts'));
  const withHooks = shared.filter((spec) =>
    /^(before|after)(Each)?\(/m.test(readFileSync(join(root, spec), 'utf8')),
  );
  assert.deepEqual(withHooks, []);
});
