/**
 * The values that the generated code of osquery.thrift reads and writes, with the types that they really have:
 * its declarations know 64-bit integers as objects only, and no field that is missing.
 */
import type { Row } from './row.ts';

export interface WireStatus {
  /** null in all fields: the other side left it out. */
  readonly code: number | null;
  readonly message: string | null;
  /** A number when written, an object that becomes one when read. */
  readonly uuid: number | { valueOf(): number } | null;
}

export interface WireResponse {
  readonly status: WireStatus | null;
  readonly response: readonly Row[] | null;
}

export interface WireExtensionInfo {
  readonly name: string;
  readonly version: string;
  readonly sdk_version: string;
  readonly min_sdk_version: string;
}

export interface WireOption {
  readonly value: string;
  readonly default_value: string;
  readonly type: string;
}

export type WireRegistry = Readonly<Record<string, Readonly<Record<string, readonly Row[]>>>>;

/** The generated client of the service ExtensionManager. */
export interface WireManagerClient {
  ping(): Promise<WireStatus>;
  registerExtension(info: WireExtensionInfo, registry: WireRegistry): Promise<WireStatus>;
  deregisterExtension(uuid: number): Promise<WireStatus>;
  extensions(): Promise<Readonly<Record<string, WireExtensionInfo>>>;
  options(): Promise<Readonly<Record<string, WireOption>>>;
  query(sql: string): Promise<WireResponse>;
  getQueryColumns(sql: string): Promise<WireResponse>;
  call(registry: string, item: string, request: Row): Promise<WireResponse>;
}

/** What the generated processor of the service Extension calls; it looks at the functions' arity. */
export interface WireHandler {
  ping(): Promise<WireStatus>;
  call(registry: string, item: string, request: Row): Promise<WireResponse>;
  shutdown(): Promise<void>;
}
