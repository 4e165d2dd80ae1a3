import type { Data, VectorData } from '../broker/data.ts';
import type { ZeekEvent } from '../broker/zeek-event.ts';
import { shortened } from '../text/shortened.ts';
import { isGroupName, MAX_GROUP_LENGTH } from './groups.ts';
import { clampInterval } from './intervals.ts';
import type { Audience, Decoded, Host, Request, Statement, UpdateType, VocabularyId } from './model.ts';
import type { Parameter, RequestSignature } from './vocabulary.ts';

/** A request or statement of a vocabulary: its event's parameters and what they make. */
export interface RequestDefinition {
  readonly signature: RequestSignature;
  readonly build: (args: Arguments, source: RequestSource) => Request | Statement;
}

/** Where a request came in. */
export interface RequestSource {
  readonly topic: string;
  readonly host: Host;
}

/** `ev: string, query: string` as parameters. */
export function signature(text: string): RequestSignature {
  return text.split(/,\s*/).map((parameter) => {
    const colon = parameter.indexOf(':');
    return { name: parameter.slice(0, colon), type: parameter.slice(colon + 1).trim() };
  });
}

/** Event names and parameters, for error messages and documentation. */
export function signaturesOf(
  requests: ReadonlyMap<string, RequestDefinition>,
): ReadonlyMap<string, RequestSignature> {
  return new Map([...requests].map(([name, definition]) => [name, definition.signature]));
}

/**
 * Reads an event as a request. Never throws: what doesn't fit becomes `malformed`, naming what was expected and what
 * came.
 */
export function readRequest(
  vocabulary: VocabularyId,
  definition: RequestDefinition,
  event: ZeekEvent,
  source: RequestSource,
  audience: Audience,
): Decoded {
  const { topic } = source;
  const malformed = (what: string): Decoded => ({
    outcome: 'malformed',
    vocabulary,
    topic,
    problem: `${what}; expected ${spell(event.name, definition.signature)}`,
  });
  if (event.args.length !== definition.signature.length)
    return malformed(`got ${spellArguments(event.args)}`);
  try {
    const said = definition.build(new Arguments(event.args, definition.signature), source);
    return isStatement(said)
      ? { outcome: 'statement', statement: said, audience, topic }
      : { outcome: 'request', request: said, audience, topic };
  } catch (error) {
    if (error instanceof MalformedRequest) return malformed(error.message);
    throw error;
  }
}

function isStatement(said: Request | Statement): said is Statement {
  return ['acknowledge', 'resend', 'declare', 'columnsWanted'].includes(said.type);
}

/** Says why an argument doesn't fit; never leaves this module. */
class MalformedRequest extends Error {}

/** An event's arguments, read by position and type. */
export class Arguments {
  readonly #values: readonly Data[];
  readonly #signature: RequestSignature;

  constructor(values: readonly Data[], parameters: RequestSignature) {
    this.#values = values;
    this.#signature = parameters;
  }

  string(index: number): string {
    const value = this.#values[index];
    return value?.type === 'string' ? value.value : this.refuse(index, 'a string');
  }

  boolean(index: number): boolean {
    const value = this.#values[index];
    return value?.type === 'boolean' ? value.value : this.refuse(index, 'a boolean');
  }

  count(index: number): bigint {
    const value = this.#values[index];
    return value?.type === 'count' ? value.value : this.refuse(index, 'a count');
  }

  vector(index: number): VectorData {
    const value = this.#values[index];
    return value?.type === 'vector' ? value : this.refuse(index, 'a vector');
  }

  /**
   * The name of a Zeek event. Scripts of V1 to V4 send what Zeek prints for the event up to the first newline; that was
   * the name alone once, and is `name: event(…)` in today's Zeek.
   */
  eventName(index: number): string {
    const name = this.string(index).split(/: ?event ?\(|\n/, 1)[0] ?? '';
    return isEventName(name) ? name : this.refuse(index, 'the name of a Zeek event');
  }

  sql(index: number): string {
    const sql = this.string(index);
    return sql.trim() === '' ? this.refuse(index, 'an SQL statement') : sql;
  }

  updateType(index: number): UpdateType {
    return (
      UPDATE_TYPE_WORDS.get(this.string(index)) ?? this.refuse(index, 'one of ADDED, REMOVED, BOTH, SNAPSHOT')
    );
  }

  group(index: number): string {
    const name = this.string(index);
    return isGroupName(name)
      ? name
      : this.refuse(index, `a group's name (1 to ${MAX_GROUP_LENGTH} characters, no / at its ends)`);
  }

  /** Seconds between runs, brought into the range that osquery takes. */
  interval(index: number): number {
    return clampInterval(Number(this.count(index)));
  }

  /** The fields of a record that came as, or within, an argument. */
  record(index: number, record: VectorData, fields: RequestSignature): Arguments {
    if (record.values.length < fields.length)
      this.refuse(index, `made of records with ${fields.length} fields`);
    return new Arguments(record.values, fields);
  }

  refuse(index: number, expected: string): never {
    const parameter = this.#signature[index]?.name ?? '';
    throw new MalformedRequest(
      `argument ${index + 1} (${parameter}) must be ${expected}, got ${describe(this.#values[index])}`,
    );
  }
}

const UPDATE_TYPE_WORDS: ReadonlyMap<string, UpdateType> = new Map([
  ['ADD', 'ADDED'],
  ['ADDED', 'ADDED'],
  ['REMOVE', 'REMOVED'],
  ['REMOVED', 'REMOVED'],
  ['BOTH', 'BOTH'],
  ['SNAPSHOT', 'SNAPSHOT'],
]);

export function isEventName(text: string): boolean {
  return text.length <= 256 && /^[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*$/.test(text);
}

function spell(name: string, parameters: readonly Parameter[]): string {
  return `${name}(${parameters.map((parameter) => `${parameter.name}: ${parameter.type}`).join(', ')})`;
}

function spellArguments(args: readonly Data[]): string {
  const shown: string[] = args.slice(0, 10).map((arg) => arg.type);
  if (args.length > shown.length) shown.push('…');
  return `${args.length} argument${args.length === 1 ? '' : 's'} (${shown.join(', ')})`;
}

const SHOWN = 60;

function describe(value: Data | undefined): string {
  if (value === undefined) return 'nothing';
  switch (value.type) {
    case 'string':
      return `the string "${shortened(value.value, SHOWN)}"`;
    case 'count':
    case 'integer':
    case 'boolean':
    case 'real':
      return `the ${value.type} ${value.value}`;
    case 'enum':
      return `the enum value ${value.name}`;
    default:
      return value.type;
  }
}
