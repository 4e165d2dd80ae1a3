/**
 * Broker's endpoint ids: 16 bytes on the wire, here always a UUID string in lower case. Two such strings
 * compare as their bytes do, which is what decides who originates a handshake.
 */

/** The receiver of messages for everybody. */
export const NIL_ENDPOINT = '00000000-0000-0000-0000-000000000000';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The id of 16 bytes. */
export function formatEndpointId(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Whether these 16 bytes are {@link NIL_ENDPOINT}. */
export function isNil(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += 1) if (bytes[at] !== 0) return false;
  return true;
}

/** The 16 bytes of an id. @throws RangeError if the text is no UUID in lower case */
export function parseEndpointId(id: string): Uint8Array {
  if (!UUID.test(id)) throw new RangeError(`${id} is not a valid endpoint id (a UUID in lower case)`);
  return new Uint8Array(Buffer.from(id.replaceAll('-', ''), 'hex'));
}

/**
 * Whether Zeek's scripts will learn of an endpoint with this id: with a UUID of another version than 1 to 5
 * Zeek peers, but `Broker::peer_added` and `Broker::peer_lost` never fire (tried with Zeek 8.0).
 */
export function isAnnounceable(id: string): boolean {
  return UUID.test(id) && /[1-5]/.test(id.charAt(14));
}
