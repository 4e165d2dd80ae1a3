import { shortened } from './shortened.ts';

/** Where a text stops being JSON (RFC 8259), and what could have stood there. */
export interface JsonSyntaxProblem {
  /** In UTF-16 units from the start of the text. */
  readonly offset: number;
  readonly expected: string;
  /** What stands there instead, quoted where it is a piece of the text. */
  readonly found: string;
}

/** What may come next. */
type Turn = 'value' | 'first-element' | 'first-name' | 'name' | 'colon' | 'after';

/**
 * The first mistake in a text that `JSON.parse` refuses, null in one that it takes. `JSON.parse` itself names no
 * place for every mistake, and words it as the engine's version has it.
 *
 * Own code: jsonc-parser, which setup edits configurations with, finds the same texts wrong, but names the start of a
 * string for a mistake within it, not which bracket is missing, and overflows the stack at 10,000 open brackets.
 */
export function jsonSyntaxProblem(text: string): JsonSyntaxProblem | null {
  // Not recursion: the text may nest as deep as it is long.
  const open: ('{' | '[')[] = [];
  let turn: Turn = 'value';
  let at = 0;
  for (;;) {
    at = endOf(/[ \t\n\r]*/y, text, at);
    const next = text.charAt(at);
    const inside = open.at(-1);
    if (turn === 'after' && inside === undefined) {
      return at === text.length ? null : problem(text, at, 'the end of the text');
    }
    if ((turn === 'first-name' || (turn === 'after' && inside === '{')) && next === '}') {
      open.pop();
      turn = 'after';
      at += 1;
    } else if ((turn === 'first-element' || (turn === 'after' && inside === '[')) && next === ']') {
      open.pop();
      turn = 'after';
      at += 1;
    } else if (turn === 'after') {
      if (next !== ',') return problem(text, at, `a comma or ${inside === '{' ? '}' : ']'}`);
      turn = inside === '{' ? 'name' : 'value';
      at += 1;
    } else if (turn === 'colon') {
      // A string in the place of a value may be a secret.
      if (next === '"') return { offset: at, expected: 'a colon', found: 'a string' };
      if (next !== ':') return problem(text, at, 'a colon');
      turn = 'value';
      at += 1;
    } else if (turn === 'first-name' || turn === 'name') {
      const end = next === '"' ? stringFrom(text, at) : problem(text, at, NAME[turn]);
      if (typeof end !== 'number') return end;
      turn = 'colon';
      at = end;
    } else if (next === '{' || next === '[') {
      open.push(next);
      turn = next === '{' ? 'first-name' : 'first-element';
      at += 1;
    } else {
      const end = next === '"' ? stringFrom(text, at) : scalarFrom(text, at, VALUE[turn]);
      if (typeof end !== 'number') return end;
      turn = 'after';
      at = end;
    }
  }
}

const NAME = { 'first-name': 'a name in double quotes or }', name: 'a name in double quotes' } as const;
const VALUE = { value: 'a value', 'first-element': 'a value or ]' } as const;

/** The end of the string that begins there. */
function stringFrom(text: string, start: number): number | JsonSyntaxProblem {
  let at = start + 1;
  for (;;) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a string may not hold.
    at = endOf(/[^"\\\u0000-\u001f]*/y, text, at);
    const next = text.charAt(at);
    if (next === '"') return at + 1;
    if (next === '\\') {
      const end = endOf(/\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y, text, at);
      if (end === at) {
        return { offset: at, expected: 'a valid escape', found: quoted(text.slice(at, at + 2)) };
      }
      at = end;
    } else if (next === '' || next === '\n' || next === '\r') {
      const found = next === '' ? 'the end of the text' : 'the end of the line';
      return { offset: start, expected: 'a string that ends in a double quote', found };
    } else {
      return { offset: at, expected: 'an escape such as \\t', found: 'a control character' };
    }
  }
}

/** The end of the number, `true`, `false` or `null` that begins there. */
function scalarFrom(text: string, start: number, expected: string): number | JsonSyntaxProblem {
  const end = endOf(/true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y, text, start);
  // Of `01` and `nullx` the beginning alone would do.
  return end > start && endOf(/[\w.+-]/y, text, end) === end ? end : problem(text, start, expected);
}

function problem(text: string, offset: number, expected: string): JsonSyntaxProblem {
  if (offset === text.length) return { offset, expected, found: 'the end of the text' };
  const word = text.slice(offset, endOf(/[\w.+-]+|"(?:[^"\\\n]|\\.){0,40}"?|./suy, text, offset));
  return { offset, expected, found: quoted(word) };
}

const LONGEST_FOUND = 30;

/** As it stands in the text; a string brings its own quotes. */
function quoted(piece: string): string {
  if (piece === "'") return 'a single quote';
  const short = shortened(piece, LONGEST_FOUND);
  return short.startsWith('"') ? short : `'${short}'`;
}

/** Where the match that begins there ends; there, if none does. */
function endOf(sticky: RegExp, text: string, at: number): number {
  sticky.lastIndex = at;
  return sticky.test(text) ? sticky.lastIndex : at;
}
