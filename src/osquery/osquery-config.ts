/** osquery's configuration as text: JSON in which lines may be comments. */

export type ConfigTextErrorCode = 'too_large' | 'too_deep' | 'not_json' | 'not_object';

/** A text that osquery would refuse as its configuration, and with it drop what the text's source had before. */
export class ConfigTextError extends Error {
  override readonly name = 'ConfigTextError';
  readonly code: ConfigTextErrorCode;

  constructor(code: ConfigTextErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** osquery's limit up to 5.23 in bytes, after the comments are gone. */
const MAX_BYTES = 1024 * 1024;
/** osquery's limit of objects and lists in each other. */
const MAX_DEPTH = 32;

/**
 * What osquery parses of the text: a line that begins with `#` or `//`, spaces aside, goes; a line that ends in
 * a backslash goes on in the next. Comments within or behind a line are none.
 */
export function stripComments(text: string): string {
  return text
    .replaceAll('\\\n', '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => !line.startsWith('#') && !line.startsWith('//'))
    .join('\n');
}

/** The members of the configuration. Throws {@link ConfigTextError} where osquery would refuse the text. */
export function parseConfigText(text: string): ReadonlyMap<string, unknown> {
  const json = stripComments(text);
  const bytes = Buffer.byteLength(json);
  if (bytes > MAX_BYTES) {
    throw new ConfigTextError(
      'too_large',
      `the configuration has ${bytes} bytes without its comments, osquery takes ${MAX_BYTES}`,
    );
  }
  const root = parse(json);
  if (typeof root !== 'object' || root === null || Array.isArray(root)) {
    throw new ConfigTextError('not_object', 'the configuration is no JSON object');
  }
  if (deeper(root, MAX_DEPTH)) {
    throw new ConfigTextError(
      'too_deep',
      `the configuration has more than ${MAX_DEPTH} objects and lists in each other, which osquery refuses`,
    );
  }
  return new Map(Object.entries(root));
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigTextError('not_json', `the configuration is no JSON: ${reason}`);
  }
}

function deeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((member) => deeper(member, levels - 1));
}
