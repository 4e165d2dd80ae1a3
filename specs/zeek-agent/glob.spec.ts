import assert from 'node:assert/strict';
import { test } from 'node:test';
import { globProblem, isWild, levelMatcher, likePattern, sqliteGlob } from '../../src/zeek-agent/glob.ts';

const MATCHES: readonly [level: string, names: readonly string[], others: readonly string[]][] = [
  ['*', ['a', 'a.b', 'a b'], ['.a']],
  ['.*', ['.a', '.'], ['a']],
  ['*.conf', ['x.conf', 'x.y.conf'], ['x.conf2', 'conf', '.conf']],
  ['a?c', ['abc', 'aöc'], ['ac', 'abbc']],
  ['[a-c]x', ['ax', 'cx'], ['dx', '-x']],
  ['[!a-c]x', ['dx', '-x'], ['ax']],
  ['[]x]', [']', 'x'], ['a']],
  ['[c-a]', [], ['a', 'b', 'c']],
  ['a[', ['a['], ['a']],
  ['**', ['a'], ['.a']],
  ['x+y.(1)$', ['x+y.(1)$'], ['xxy.(1)$', 'x+y_(1)$']],
];

for (const [level, names, others] of MATCHES) {
  test(`what ${level} means within a level`, () => {
    const matches = levelMatcher(level);
    assert.deepEqual(
      names.filter((name) => !matches(name)),
      [],
    );
    assert.deepEqual(others.filter(matches), []);
  });
}

test('a pattern is put to osquery as one that means no less, and to SQLite as what is left of it', () => {
  const cases: readonly [pattern: string, like: string, glob: string | undefined][] = [
    ['/etc/*', '/etc/%', undefined],
    ['/etc/*/*', '/etc/%/%', undefined],
    ['/etc/**', '/etc/%', undefined],
    ['/etc/a?[x-z]*', '/etc/a%', '/etc/a?[x-z]*'],
    ['/etc/[!a]b', '/etc/%b', '/etc/[^a]b'],
    ['/odd/100%/*', '/odd/100%/%', '/odd/100%/*'],
  ];
  for (const [pattern, like, glob] of cases) {
    assert.deepEqual([likePattern(pattern), sqliteGlob(pattern)], [like, glob], pattern);
    assert.ok(isWild(pattern));
  }
  assert.ok(!isWild('/etc/passwd'));
});

test('a pattern is an absolute path, of whatever system', () => {
  assert.deepEqual(['/etc/*', 'C:\\Users\\*', 'c:/x'].map(globProblem), [undefined, undefined, undefined]);
  assert.match(globProblem('etc/*') ?? '', /"etc\/\*" is not an absolute path/);
});
