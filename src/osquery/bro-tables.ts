/** The tables by which the extension is itself visible to osquery, and so to its Bros. */
import type { TableDefinition } from './table-plugin.ts';

export const BRO_PEERS: TableDefinition = {
  name: 'bro_peers',
  columns: [
    { name: 'address', type: 'TEXT' },
    { name: 'state', type: 'TEXT' },
    { name: 'endpoint_id', type: 'TEXT' },
    { name: 'since', type: 'BIGINT' },
    { name: 'attempts', type: 'INTEGER' },
    { name: 'last_error', type: 'TEXT' },
  ],
};

export const BRO_SUBSCRIPTIONS: TableDefinition = {
  name: 'bro_subscriptions',
  columns: [
    { name: 'name', type: 'TEXT' },
    { name: 'peer', type: 'TEXT' },
    { name: 'vocabulary', type: 'TEXT' },
    { name: 'event', type: 'TEXT' },
    { name: 'query', type: 'TEXT' },
    { name: 'cookie', type: 'TEXT' },
    { name: 'interval', type: 'INTEGER' },
    { name: 'update_type', type: 'TEXT' },
    { name: 'response_topic', type: 'TEXT' },
    { name: 'since', type: 'BIGINT' },
  ],
};

export const BRO_EVENTS: TableDefinition = {
  name: 'bro_events',
  columns: [
    { name: 'version', type: 'BIGINT' },
    { name: 'time', type: 'DOUBLE' },
    { name: 'type', type: 'TEXT' },
    { name: 'data', type: 'TEXT' },
  ],
};

export const BRO_DELIVERY: TableDefinition = {
  name: 'bro_delivery',
  columns: [
    { name: 'peer', type: 'TEXT' },
    /** The query's name; empty: those that have ended. */
    { name: 'name', type: 'TEXT' },
    { name: 'taken', type: 'BIGINT' },
    { name: 'journalled', type: 'BIGINT' },
    { name: 'sent', type: 'BIGINT' },
    { name: 'resent', type: 'BIGINT' },
    { name: 'confirmed', type: 'BIGINT' },
    { name: 'dropped', type: 'BIGINT' },
    { name: 'skipped', type: 'BIGINT' },
    { name: 'pending', type: 'BIGINT' },
  ],
};

export const BRO_TABLES: readonly TableDefinition[] = [
  BRO_PEERS,
  BRO_SUBSCRIPTIONS,
  BRO_EVENTS,
  BRO_DELIVERY,
];
