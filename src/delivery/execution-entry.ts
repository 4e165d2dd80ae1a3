import type { CourierPorts, Deliverable, Handover } from './ports.ts';

/** Rows that are written before the thread is yielded. */
const YIELD_AFTER = 1000;

/**
 * The answer to a one-time query as the courier takes it. Bytes that are no UTF-8 survive as JSON's escapes of
 * lone surrogates.
 * @param unixTime when osquery ran it, in seconds since the epoch
 */
export async function executionEntry(
  deliverable: Deliverable,
  unixTime: number,
  rows: readonly Readonly<Record<string, string>>[],
  { yieldControl }: Pick<CourierPorts, 'yieldControl'>,
): Promise<Handover> {
  const pieces: string[] = [];
  for (let at = 0; at < rows.length; at += YIELD_AFTER) {
    if (at > 0) await yieldControl();
    pieces.push(JSON.stringify(rows.slice(at, at + YIELD_AFTER)).slice(1, -1));
  }
  const { name, peer, query, columns } = deliverable;
  return {
    kind: 'execution',
    header: { name, peer, query, columns, unixTime },
    payload: Buffer.from(`[${pieces.join(',')}]`),
  };
}
