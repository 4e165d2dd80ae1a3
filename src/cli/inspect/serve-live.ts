import { chmod, lstat, rm } from 'node:fs/promises';
import { readLog } from '../../event-log/event-log-reader-store.ts';
import { createConversation } from '../../inspect/conversation.ts';
import { type InspectServer, startInspectServer } from '../../inspect/inspect-server.ts';
import { openLive } from '../../inspect/live-recording.ts';
import { RecentEvents } from '../../inspect/recent-events.ts';
import type { ExtensionContext } from '../extension/extension-context.ts';
import type { RunningSystem } from '../extension/wiring/running.ts';
import type { InspectAddress } from './address.ts';
import { layOutCharts } from './charts.ts';
import { pageAssets } from './page-assets.ts';
import { HIDDEN_LIVE } from './rows.ts';

/** Lets the running extension be looked at. The last steps and messages are kept for whoever looks later. */
export async function serveLive(
  context: Pick<ExtensionContext, 'bus' | 'version' | 'runtime'>,
  system: RunningSystem,
  { address, token }: { readonly address: InspectAddress; readonly token: string | null },
): Promise<InspectServer> {
  const { bus, version, runtime } = context;
  const { now } = runtime;
  const { path } = address.listen;
  if (path !== undefined) await removeOldSocket(path);
  const recent = new RecentEvents(system.root, bus, now);
  const server = await startInspectServer({
    listen: address.listen,
    token,
    version,
    now,
    page: pageAssets,
    conversation: createConversation(
      {
        name: { kind: 'live', name: 'this extension' },
        charts: layOutCharts,
        open: (onProblem) =>
          openLive({ ...system, recent, now, history: () => readLog(system.directory()) }, onProblem),
      },
      { version, now },
    ),
    rows: HIDDEN_LIVE,
  }).catch((error: unknown) => {
    // The extension goes on, and nobody can look.
    recent.close();
    throw error;
  });
  if (path !== undefined) await chmod(path, 0o600);
  return {
    ...server,
    async close() {
      recent.close();
      await server.close();
    },
  };
}

/**
 * Removes the socket of a process that ended without a chance to do so; the state directory's lock says that it has
 * ended. Throws where the path is anything else: a slip in the address must cost nobody a file.
 */
export async function removeOldSocket(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (!found) return;
  if (!found.isSocket())
    throw new Error(`${path} exists and is not a socket: use another path for --inspect`);
  await rm(path, { force: true });
}
