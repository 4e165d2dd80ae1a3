/**
 * What osqueryd and its extensions say to each other, as observed on the sockets of osqueryd 5.23.1 (the
 * recordings in fixtures/osquery) and named as in osquery's public interface. TBinaryProtocol, unframed.
 * `make thrift` turns this file into generated/.
 */

/** A request to a plugin: what to do and with what, by the words of its registry. */
typedef map<string, string> ExtensionPluginRequest

/** A plugin's answer: rows of column name to value. */
typedef list<map<string, string>> ExtensionPluginResponse

/** Of an extension, given by osqueryd at its registration; 0 is osquery's core. */
typedef i64 ExtensionRouteUUID

/** Item name to its routes: for a table its columns, for other plugins nothing. */
typedef map<string, ExtensionPluginResponse> ExtensionRouteTable

/** Registry name ("logger", "table", ...) to the items that an extension brings. */
typedef map<string, ExtensionRouteTable> ExtensionRegistry

/** One of osquery's flags; `type` is string, bool, uint64, int32 or uint32. */
struct InternalOptionInfo {
  1: string value,
  2: string default_value,
  3: string type,
}

typedef map<string, InternalOptionInfo> InternalOptionList

struct InternalExtensionInfo {
  1: string name,
  2: string version,
  3: string sdk_version,
  4: string min_sdk_version,
}

typedef map<ExtensionRouteUUID, InternalExtensionInfo> InternalExtensionList

enum ExtensionCode {
  EXT_SUCCESS = 0,
  EXT_FAILED = 1,
  EXT_FATAL = 2,
}

/** 0 is success; a logger's answer to `features` carries its bits here. */
struct ExtensionStatus {
  1: i32 code,
  2: string message,
  3: ExtensionRouteUUID uuid,
}

struct ExtensionResponse {
  1: ExtensionStatus status,
  2: ExtensionPluginResponse response,
}

exception ExtensionException {
  1: i32 code,
  2: string message,
  3: ExtensionRouteUUID uuid,
}

/** Served by both sides. */
service Extension {
  ExtensionStatus ping(),
  ExtensionResponse call(1: string registry, 2: string item, 3: ExtensionPluginRequest request),
  void shutdown(),
}

/** Served by osqueryd. */
service ExtensionManager extends Extension {
  InternalExtensionList extensions(),
  InternalOptionList options(),
  ExtensionStatus registerExtension(1: InternalExtensionInfo info, 2: ExtensionRegistry registry),
  ExtensionStatus deregisterExtension(1: ExtensionRouteUUID uuid),
  ExtensionResponse query(1: string sql),
  ExtensionResponse getQueryColumns(1: string sql),
}
