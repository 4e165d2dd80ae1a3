/** What osquery's manager takes and gives as plain values, and how they are written on the wire. */
import { OsqueryError } from './osquery-error.ts';
import type { ExtensionInfo } from './registration.ts';
import type { Row } from './row.ts';
import type { WireExtensionInfo, WireOption, WireResponse, WireStatus } from './wire.ts';

/** One of osquery's flags; `type` is string, bool, uint64, int32 or uint32. */
export interface OsqueryOption {
  readonly value: string;
  readonly defaultValue: string;
  readonly type: string;
}

/** What a plugin says of a call; 0 is success, and the features of a logger are a code as well. */
export interface Status {
  readonly code: number;
  readonly message: string;
}

export interface CallResult {
  readonly status: Status;
  readonly response: readonly Row[];
}

/** A status that was left out means success, as osquery itself takes it. */
export function successful(status: WireStatus | null): WireStatus {
  const code = status?.code ?? 0;
  if (code !== 0) throw new OsqueryError('refused', status?.message ?? '', code);
  return status ?? { code, message: null, uuid: null };
}

export function callResult(result: WireResponse): CallResult {
  const { code, message } = result.status ?? { code: 0, message: '' };
  return { status: { code: code ?? 0, message: message ?? '' }, response: result.response ?? [] };
}

export function wireInfo(info: ExtensionInfo): WireExtensionInfo {
  return {
    name: info.name,
    version: info.version,
    sdk_version: info.sdkVersion,
    min_sdk_version: info.minSdkVersion,
  };
}

export function extensionInfo(info: WireExtensionInfo): ExtensionInfo {
  return {
    name: info.name,
    version: info.version,
    sdkVersion: info.sdk_version,
    minSdkVersion: info.min_sdk_version,
  };
}

export function osqueryOption(option: WireOption): OsqueryOption {
  return { value: option.value, defaultValue: option.default_value, type: option.type };
}
