import { z } from 'zod';

const counter = z.number();

/** How a gateway stands, as its status socket tells it. */
export const gatewayReport = z.object({
  name: z.string(),
  version: z.string(),
  started_at: z.string(),
  endpoint_id: z.string(),
  /** Of its machine. */
  state: z.unknown(),
  zeek: z.object({
    ways: z.array(z.string()),
    /** The way in use, or tried: its place in `ways`. */
    way: z.number(),
    incarnation: z.string().nullable(),
    transport: z.string().nullable(),
    has_package: z.boolean().nullable(),
    last_close: z.object({ code: z.string(), reason: z.string() }).nullable(),
  }),
  /** Where it listens for hosts; null while it does not. */
  port: z.number().nullable(),
  hosts: counter,
  waiting_bytes: counter,
  unconfirmed_bytes: counter,
  /** Events that hosts may send their rows as. */
  asked_events: z.array(z.string()).readonly(),
  counts: z.object({
    connections: counter,
    admitted: counter,
    turnedAway: counter,
    failed: counter,
    events: counter,
    rows: counter,
    bytes: counter,
    refused: counter,
    requests: counter,
    deliveries: counter,
    withheld: counter,
    dropped: counter,
    throttled: counter,
    zeekUps: counter,
  }),
  memory_bytes: counter,
  /** Files that the process may open; null where the system does not tell. */
  max_files: counter.nullable(),
});

export type GatewayReport = z.infer<typeof gatewayReport>;
