import { decodeText } from '../text/byte-text.ts';

/**
 * The text of a byte string (one character a byte, as the extension's socket gives the values of a request):
 * its bytes as UTF-8, those that are none as surrogate escapes.
 */
export function textOfBytes(bytes: string): string {
  return decodeText(Buffer.from(bytes, 'latin1'));
}
