/** Just enough of a reader of Zeek scripts to hold declarations against what is sent. */

export interface ZeekField {
  readonly name: string;
  readonly type: string;
}

export interface ZeekDeclarations {
  /** Parameters by full name. */
  readonly events: ReadonlyMap<string, readonly ZeekField[]>;
  /** Fields in order by full name. */
  readonly records: ReadonlyMap<string, readonly ZeekField[]>;
  /** Values with their module, by full name. */
  readonly enums: ReadonlyMap<string, readonly string[]>;
  /** The queries of record literals, with the event that takes their rows. */
  readonly queries: readonly { readonly event: string; readonly sql: string }[];
}

export function readDeclarations(scripts: readonly string[]): ZeekDeclarations {
  const events = new Map<string, readonly ZeekField[]>();
  const records = new Map<string, readonly ZeekField[]>();
  const enums = new Map<string, readonly string[]>();
  const queries: { event: string; sql: string }[] = [];
  for (const script of scripts)
    for (const { module, text } of modulesOf(withoutComments(script))) {
      const full = (name: string) => (name.includes('::') || module === '' ? name : `${module}::${name}`);
      for (const [, name = '', parameters = ''] of text.matchAll(/global\s+(\w+):\s*event\s*\(([^)]*)\)/g))
        events.set(full(name), fieldsOf(parameters, /,/, full));
      for (const [, name = '', parameters = ''] of text.matchAll(/^event\s+([\w:]+)\s*\(([^)]*:[^)]*)\)/gm))
        if (!events.has(full(name))) events.set(full(name), fieldsOf(parameters, /,/, full));
      for (const [, name = '', body = ''] of text.matchAll(/type\s+(\w+):\s*record\s*\{([^}]*)\}/g))
        records.set(full(name), fieldsOf(body, /;/, full));
      for (const [, name = '', body = ''] of text.matchAll(/type\s+(\w+):\s*enum\s*\{([^}]*)\}/g))
        enums.set(
          full(name),
          body
            .split(',')
            .map((value) => value.trim())
            .filter(Boolean)
            .map(full),
        );
      for (const [, event = '', sql = ''] of text.matchAll(/\[\$ev=([\w:]+)[^\]]*?\$query="([^"]*)"/g))
        queries.push({ event: full(event), sql });
    }
  return { events, records, enums, queries };
}

function withoutComments(script: string): string {
  return script.replaceAll(/^\s*#.*$/gm, '').replaceAll(/\s##.*$/gm, '');
}

function modulesOf(script: string): { module: string; text: string }[] {
  const [head = '', ...rest] = script.split(/^module\s+/m);
  return [
    { module: '', text: head },
    ...rest.map((part) => {
      const end = part.indexOf(';');
      return { module: part.slice(0, end), text: part.slice(end + 1) };
    }),
  ];
}

const BASIC = new Set([
  'string',
  'count',
  'int',
  'double',
  'bool',
  'addr',
  'time',
  'interval',
  'any',
  'port',
]);

function fieldsOf(text: string, separator: RegExp, full: (name: string) => string): ZeekField[] {
  return text
    .split(separator)
    .map((field) => field.trim())
    .filter((field) => field.includes(':'))
    .map((field) => {
      const [, name = '', type = ''] = /^(\w+):\s*([^&]*)/.exec(field) ?? [];
      return { name, type: qualified(type.trim().replaceAll(/\s+/g, ' '), full) };
    });
}

/** `vector of DesiredQuery` within a module as `vector of osquery::hosts::DesiredQuery`. */
function qualified(type: string, full: (name: string) => string): string {
  const [, prefix = '', last = type] = /^(vector of )(.*)$/.exec(type) ?? [];
  return prefix + (BASIC.has(last) || last.startsWith('set[') ? last : full(last));
}
