import { z } from 'zod';
import type { NatsStanding } from './nats-port.ts';

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
  /** Whether hosts may connect to a port of it at all. */
  listens: z.boolean(),
  /** Where it listens for hosts; null while it does not. */
  port: z.number().nullable(),
  /** How it stands at NATS; null where hosts don't meet it there. */
  nats: z
    .object({
      servers: z.array(z.string()).readonly(),
      /** That it is connected to; empty while it is to none. */
      server: z.string(),
      prefix: z.string(),
      /** Empty while it is not found. */
      stream: z.string(),
      /** Those whose hosts it serves. */
      partitions: z.array(z.number()).readonly(),
      /** All that share the hosts, this one among them, by name; more than one of a name are told apart by their ids. */
      gateways: z.array(
        z.object({ id: z.string(), name: z.string(), version: z.string(), zeek: z.string() }),
      ),
      /** Messages out of the stream that the Zeek has not confirmed. */
      under_way: counter,
      /** What hinders, by what it is about: server, stream, leases. */
      troubles: z.record(z.string(), z.string()),
    })
    .nullable(),
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
    duplicates: counter,
    zeekUps: counter,
  }),
  memory_bytes: counter,
  /** Files that the process may open; null where the system does not tell. */
  max_files: counter.nullable(),
});

export type GatewayReport = z.infer<typeof gatewayReport>;

/** How a gateway stands at NATS, as the report has it. */
export function natsReport(standing: NatsStanding | undefined): GatewayReport['nats'] {
  if (!standing) return null;
  const { servers, server, connected, prefix, stream, partitions, gateways, underWay, troubles } = standing;
  return {
    ...{ servers, prefix, stream, partitions, troubles, under_way: underWay },
    server: connected ? server : '',
    gateways: Object.entries(gateways).map(([id, { name, version, zeek }]) => ({ id, name, version, zeek })),
  };
}
