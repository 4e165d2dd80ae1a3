import type { TestContext } from 'node:test';
import { pageAssets } from '../../src/cli/console/page-assets.ts';
import type { HostFacts, Item, ItemKind } from '../../src/console/model.ts';
import { createConsoleConversation, type PageSession } from '../../src/console-page/page-conversation.ts';
import { startInspectServer } from '../../src/inspect/inspect-server.ts';

let bundled: ReturnType<typeof pageAssets> | undefined;

export function fakeHost(number: number, facts: Partial<HostFacts> = {}): HostFacts {
  return {
    ...{
      id: `host-${number}`,
      name: `web-${number}.example.com`,
      addresses: ['10.0.0.1'],
      groups: ['servers'],
    },
    ...{
      platform: 'debian',
      os: 'Debian GNU/Linux 13',
      version: '0.2.0',
      connected: true,
      since: 0,
      lastSeen: 0,
    },
    ...{ gateway: '', rows: null, rate: null, lag: null, warnings: 0, ...facts },
  };
}

export interface FakeZeek {
  readonly hosts: readonly HostFacts[];
  /** The items that answer a question. */
  readonly answer?: (sql: string) => readonly (Partial<Item> & { readonly kind: ItemKind })[];
  readonly warnings?: readonly string[];
}

/** Serves the console's page before a Zeek that is not there, until the test ends; resolves with its address and what was asked. */
export async function serveConsole(
  t: TestContext,
  { hosts, answer = () => [], warnings = [] }: FakeZeek,
  allowQueries = true,
): Promise<{ readonly address: string; readonly asked: string[]; readonly stopped: string[] }> {
  const [asked, stopped]: string[][] = [[], []];
  const rest = { request: '', host: '', number: 0, at: 0, text: '', detail: '' };
  const session: PageSession = {
    ended: new Promise<never>(() => {}),
    close: async () => {},
    hosts: async () => hosts,
    list: async (_what, id) => [
      ...hosts
        .filter((host) => host.id === id)
        .map((host): Item => {
          const detail = JSON.stringify({ ...host, last_seen: 0, since: 0 });
          return { ...rest, kind: 'host', host: host.id, detail };
        }),
      ...warnings.map((text): Item => ({ ...rest, kind: 'warning', text })),
    ],
    ask(question, onItem) {
      asked?.push(question.sql);
      setImmediate(() => {
        for (const item of answer(question.sql)) onItem({ ...rest, ...item });
      });
      return { request: 'r', stop: (reason) => void stopped?.push(reason ?? '') };
    },
  };
  bundled ??= pageAssets();
  const page = bundled;
  const server = await startInspectServer({
    ...{ listen: { host: '127.0.0.1', port: 0 }, token: 'secret', version: '1.0.0', now: Date.now },
    ...{ page: () => page, rows: { shown: false, how: '' } },
    conversation: createConsoleConversation({
      ...{ version: '1.0.0', now: Date.now, name: 'wss://zeek.example.com:27760', allowQueries },
      audienceOf: async () => ({ hosts: [], groups: [], subnets: [] }),
      open: async () => ({
        session,
        zeek: {
          ...{ package: '1.2.0', name: 'zeek', queries: true, subscriptions: true, maxRows: 0, maxHosts: 0 },
          minInterval: 1,
        },
      }),
    }),
  });
  t.after(() => server.close());
  return { address: `${server.address}#token=secret`, asked: asked ?? [], stopped: stopped ?? [] };
}
