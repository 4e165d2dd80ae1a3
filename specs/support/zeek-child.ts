/**
 * Zeeks in a process of their own, with our package: they listen as the parent's first message says, answer with their
 * addresses, and thereafter each message with how many rows have come to all of them.
 */
import { randomUUID } from 'node:crypto';
import { parseEndpointAddress } from '../../src/broker/address.ts';
import type { BrokerAddress } from '../../src/broker/endpoint-connection.ts';
import { natsAddress, natsListen } from '../../src/cli/bro/nats-options.ts';
import { PACKAGE_VERSION } from '../../src/vocabulary/zeek-package.ts';
import { Bro } from '../../src/zeek-client/bro-server.ts';
import { createDialect } from '../../src/zeek-client/dialects.ts';
import type { ZeekOrder } from './zeek-process.ts';

let rows = 0;

async function listen({ address, zeeks, queries }: ZeekOrder): Promise<string[]> {
  const addresses: string[] = [];
  for (let index = 0; index < zeeks; index += 1) {
    const endpointId = randomUUID();
    const dialect = createDialect('zeek-osquery', { endpointId });
    const nats = address.startsWith('nats:') ? natsAddress(address) : undefined;
    const bro = await Bro.listen(
      {
        addresses: nats ? [] : [parseEndpointAddress(address, { listening: true }) as BrokerAddress],
        ...{ endpointId, dialect, packageVersion: PACKAGE_VERSION },
        ...(nats && {
          listen: natsListen(nats, {
            settings: { prefix: 'osquery', jetstream: 'off' },
            ...{ tls: {}, endpointId, filter: dialect.filter },
            onProblem: (problem) => process.stderr.write(`${problem}\n`),
          }),
        }),
      },
      (news) => {
        if (news.type === 'row') rows += 1;
        else if (news.type === 'problem') process.stderr.write(`${news.problem}\n`);
      },
    );
    for (const [at, sql] of queries.entries()) {
      bro.subscribe({
        ...{ id: String(at), sql, event: `bench::row_${at}`, cookie: '', updateType: 'BOTH' },
        ...{ initialRows: true, interval: 86_400, target: { to: 'all' } },
      });
    }
    addresses.push(nats ? address : address.replace(/:0\b/, `:${bro.ports[0]}`));
  }
  return addresses;
}

process.once('message', (order: ZeekOrder) => {
  void listen(order).then((addresses) => {
    process.on('message', () => process.send?.(rows));
    process.send?.(addresses);
  });
});
process.once('disconnect', () => process.exit());
