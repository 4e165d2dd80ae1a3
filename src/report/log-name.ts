/**
 * The log that a file belongs to, by the file's name: `conn` for `conn.log`, for what Zeek and zeekctl make of it when they
 * rotate it (`conn.2026-11-28-13-00-00.log`, `conn.13:00:00-14:00:00.log.gz`), what logrotate does (`conn.log.1.gz`), and
 * for streamed JSON (`json_streaming_conn.1.log`). Undefined for what is no log.
 */
export function logName(file: string): string | undefined {
  const match =
    /^(?:json_streaming_)?([A-Za-z][A-Za-z0-9_-]*?)(?:(?:\.\d|-\d{6})[\d:._T-]*)?\.log(?:[.-][\d._-]+)?(?:\.(?:gz|zst))?$/.exec(
      file,
    );
  return match?.[1];
}

/** Logs that the report is made of: Zeek's own two, and those of the package. */
export function isWanted(log: string): boolean {
  return log === 'conn' || log === 'notice' || log === 'osquery' || log.startsWith('osq-');
}
