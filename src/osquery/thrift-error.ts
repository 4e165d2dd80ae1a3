/** Why a stream can't be read on; the connection is of no use after it. */
export type ThriftErrorCode =
  | 'bad_header'
  | 'bad_type'
  | 'negative_length'
  | 'too_large'
  | 'too_deep'
  | 'malformed';

/** Bytes that are no acceptable Thrift message. `offset` counts from the message's first byte. */
export class ThriftError extends Error {
  override readonly name = 'ThriftError';
  readonly code: ThriftErrorCode;
  readonly offset: number;

  constructor(code: ThriftErrorCode, message: string, offset: number) {
    super(`${message} (at byte ${offset} of the message)`);
    this.code = code;
    this.offset = offset;
  }
}
