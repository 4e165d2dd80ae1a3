import { connect, type Socket } from 'node:net';
import { reasonOf } from '../../text/reason.ts';
import { MessageReader, type ThriftMessage, type ThriftStruct } from './thrift/binary-reader.ts';
import { MESSAGE } from './thrift/binary-writer.ts';
import {
  type ExtensionResponse,
  encodePlainCall,
  encodePluginCall,
  failure,
  readResponse,
  type StringMap,
  structField,
  textField,
} from './thrift/messages.ts';

/** How long osqueryd waits for the answer to a ping. */
const PING_TIMEOUT_MS = 10_000;

/** What an extension's socket said, or why it said nothing. */
class LinkError extends Error {
  override readonly name = 'LinkError';
}

/** Whether the extension behind the socket answers a ping within ten seconds. */
export async function ping(path: string, timeoutMs = PING_TIMEOUT_MS): Promise<boolean> {
  try {
    await exchange(path, 'ping', encodePlainCall('ping'), timeoutMs);
    return true;
  } catch {
    return false;
  }
}

/** Asks the extension to end. @returns whether it answered */
export async function requestShutdown(path: string, timeoutMs = PING_TIMEOUT_MS): Promise<boolean> {
  try {
    await exchange(path, 'shutdown', encodePlainCall('shutdown'), timeoutMs);
    return true;
  } catch {
    return false;
  }
}

/**
 * Calls a plugin of an extension as osqueryd does: a ping on a connection of its own, then the call on
 * another, every message on a new one (s01). Never throws; what goes wrong is the status.
 */
export async function callPlugin(
  path: string,
  registry: string,
  item: string,
  request: StringMap,
  timeoutMs: number,
): Promise<ExtensionResponse> {
  if (!(await ping(path))) {
    return { status: failure(`Extension socket not available: ${path}`), response: [] };
  }
  try {
    const result = await exchange(path, 'call', encodePluginCall(registry, item, request), timeoutMs);
    const response = structField(result, 0);
    if (!response) throw new LinkError('call failed: unknown result');
    return readResponse(response);
  } catch (error) {
    const message = reasonOf(error);
    return { status: failure(`Extension call failed: ${message}`), response: [] };
  }
}

/**
 * One request, one reply, close. A reply of another name is waited past and the sequence id is not looked at,
 * as osqueryd's client does (osquery.md 1).
 */
function exchange(path: string, name: string, request: Buffer, timeoutMs: number): Promise<ThriftStruct> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(path);
    const reader = new MessageReader();
    const timer = setTimeout(() => finish(new LinkError('THRIFT_EAGAIN (timed out)')), timeoutMs);
    const finish = (outcome: Error | ThriftStruct) => {
      clearTimeout(timer);
      socket.destroy();
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    };
    socket.on('connect', () => socket.write(request));
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const message of reader.push(chunk)) {
          if (message.name === name) finish(outcomeOf(message));
        }
      } catch (error) {
        // Bytes that are no message: the real client waits on for a proper one.
        if (!(error instanceof Error)) finish(new LinkError(String(error)));
      }
    });
    socket.on('end', () => finish(new LinkError('No more data to read.')));
    socket.on('error', (error) => finish(error));
  });
}

function outcomeOf(message: ThriftMessage): Error | ThriftStruct {
  return message.type === MESSAGE.exception ? new LinkError(textField(message.body, 1)) : message.body;
}
