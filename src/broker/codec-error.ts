/**
 * What can be wrong with bytes or text from outside:
 * - `truncated`: ends before the value does
 * - `trailing`: goes on after the value's end
 * - `unknown-tag`: no kind of value, message or envelope has this number or name
 * - `too-deep`, `too-long`, `too-many`: beyond the bounds of nesting, of one length, of values or topics in one message
 * - `bad-value`: the right kind, but no value of it
 * - `bad-magic`: a handshake message that does not say "ZEEK"
 * - `frame-empty`, `frame-too-large`: a frame of length 0, or beyond the configured bound
 * - `bad-json`: no JSON, or not the shape that Zeek's JSON form has
 */
export type CodecErrorCode =
  | 'truncated'
  | 'trailing'
  | 'unknown-tag'
  | 'too-deep'
  | 'too-long'
  | 'too-many'
  | 'bad-value'
  | 'bad-magic'
  | 'frame-empty'
  | 'frame-too-large'
  | 'bad-json';

/** The one error of Broker's codecs. `offset` counts bytes (JSON: characters) from the start of the input. */
export class CodecError extends Error {
  readonly code: CodecErrorCode;
  readonly offset: number;

  constructor(code: CodecErrorCode, offset: number, message: string) {
    super(`${message} (at offset ${offset})`);
    this.name = 'CodecError';
    this.code = code;
    this.offset = offset;
  }
}
