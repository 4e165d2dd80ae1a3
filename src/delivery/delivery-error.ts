/**
 * What can be wrong with the state that delivery keeps; the code is stable.
 * - `unusable`: the directory or a file in it can't be used; the message says which and why
 */
export type DeliveryErrorCode = 'unusable';

export class DeliveryError extends Error {
  readonly code: DeliveryErrorCode;

  constructor(code: DeliveryErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = 'DeliveryError';
    this.code = code;
  }
}
