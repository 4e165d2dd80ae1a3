/**
 * What can be wrong with the state that delivery keeps; the codes are stable.
 * - `locked`: another process of ours has the directory
 * - `unusable`: the directory or a file in it can't be used; the message says which and why
 * - `closed`: the store has been closed
 */
export type DeliveryErrorCode = 'locked' | 'unusable' | 'closed';

export class DeliveryError extends Error {
  readonly code: DeliveryErrorCode;

  constructor(code: DeliveryErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = 'DeliveryError';
    this.code = code;
  }
}
