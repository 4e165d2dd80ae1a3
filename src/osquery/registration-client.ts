import { existsSync } from 'node:fs';
import { isPipe } from '../text/local-socket.ts';
import { reasonOf } from '../text/reason.ts';
import { configUpdate } from './config-plugin.ts';
import type { ExtensionHandlers } from './extension-connection.ts';
import { type ExtensionServer, listenExtension } from './extension-server.ts';
import { createManagerClient, type ManagerClient } from './manager-client.ts';
import { isUnreachable, OsqueryError } from './osquery-error.ts';
import { EXTENSION_NAME, extensionInfo, extensionRegistry } from './registration.ts';
import { extensionSocketPath } from './socket-path.ts';

export interface RegistrationParts {
  readonly client: ManagerClient;
  /** `--extensions_socket` of osqueryd. */
  readonly socket: string;
  readonly version: string;
  readonly handlers: ExtensionHandlers;
  /** Called with each request; what it returns is called once that is answered. */
  readonly onRequest: () => () => void;
  readonly report: (problem: { readonly kind: string; readonly message: string }) => void;
}

/** What became of an attempt to register. */
export type RegistrationAnswer =
  | { readonly outcome: 'registered'; readonly uuid: number }
  /** osqueryd lists an extension of our name already, which answers or does not. */
  | { readonly outcome: 'duplicate'; readonly alive: boolean };

/** Whether osqueryd still knows us; where it does not, why. */
export type Standing =
  | { readonly is: 'registered' }
  /** osqueryd lives and calls us no more. */
  | { readonly is: 'forgotten'; readonly reason: string }
  | { readonly is: 'gone'; readonly reason: string };

/** Milliseconds that osqueryd may take to drop our schedule; it waits for the scheduled query that is running. */
const LEAVE_PATIENCE = 5_000;

/** Our registration with osqueryd's extension manager, and the socket on which osqueryd calls us. */
export class Registration {
  readonly #parts: RegistrationParts;
  #uuid = 0;
  #server: ExtensionServer | undefined;

  constructor(parts: RegistrationParts) {
    this.#parts = parts;
  }

  /** Under which osqueryd knows us, or did last; 0 before the first registration. */
  get uuid(): number {
    return this.#uuid;
  }

  /**
   * @param tables whether osqueryd is offered our tables
   * @param onRegistered called before osqueryd can call us
   */
  async register(tables: boolean, onRegistered: () => void): Promise<RegistrationAnswer> {
    const { client, socket, version, handlers, onRequest, report } = this.#parts;
    await this.#server?.close(0);
    this.#server = undefined;
    try {
      this.#uuid = await client.registerExtension(extensionInfo(version), extensionRegistry({ tables }));
    } catch (error) {
      if (!(error instanceof OsqueryError) || !isDuplicate(error)) throw error;
      return { outcome: 'duplicate', alive: await this.#formerSelfAnswers() };
    }
    onRegistered();
    this.#server = await listenExtension({
      ...{ managerPath: socket, uuid: this.#uuid, handlers, onRequest, report },
    });
    return { outcome: 'registered', uuid: this.#uuid };
  }

  /** Never rejects. */
  async standing(): Promise<Standing> {
    const { client, socket } = this.#parts;
    try {
      const extensions = await client.extensions();
      if (!extensions.has(this.#uuid)) {
        return { is: 'forgotten', reason: 'osqueryd no longer lists the extension' };
      }
      // osqueryd may take its --extensions_timeout to notice, and each row is lost until it does.
      const own = extensionSocketPath(socket, this.#uuid);
      if (isPipe(own) || existsSync(own)) return { is: 'registered' };
      return { is: 'forgotten', reason: "the extension's own socket has been removed" };
    } catch (error) {
      const reason = `osqueryd does not answer: ${reasonOf(error)}`;
      return { is: isUnreachable(error) ? 'gone' : 'forgotten', reason };
    }
  }

  /**
   * Takes our schedule and our registration back: rows of queries that run on without us would go to nobody, and a
   * logger that is gone ends osqueryd. Throws OsqueryError.
   * @param onDropped called once osqueryd runs none of our queries any more, be it because it is gone
   */
  async deregister(onDropped: () => void): Promise<void> {
    const { client } = this.#parts;
    try {
      await client.call('config', 'update', configUpdate('{}'), LEAVE_PATIENCE);
      onDropped();
      await client.deregisterExtension(this.#uuid);
    } catch (error) {
      if (isUnreachable(error)) onDropped();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  /** Looks for the one that has our name: one that is dead is taken off osquery's list. */
  async #formerSelfAnswers(): Promise<boolean> {
    const { client, socket } = this.#parts;
    for (const [uuid, { name }] of await client.extensions()) {
      if (name !== EXTENSION_NAME) continue;
      const former = createManagerClient({ path: extensionSocketPath(socket, uuid), deadline: 2_000 });
      try {
        await former.ping();
        return true;
      } catch {
        await client.deregisterExtension(uuid).catch(() => {});
      } finally {
        former.close();
      }
    }
    return false;
  }
}

function isDuplicate({ message }: OsqueryError): boolean {
  return message.includes('Duplicate extension registered');
}
