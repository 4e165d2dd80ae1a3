import { realpathSync, statfsSync } from 'node:fs';
import { columns, type Table } from '../sql/table.ts';
import { readText } from './proc.ts';

/** osquery's `mounts`, from /proc/mounts and statfs. */
export const mounts: Table = {
  name: 'mounts',
  columns: columns(
    'device TEXT',
    'device_alias TEXT',
    'path TEXT',
    'type TEXT',
    'blocks_size BIGINT',
    'blocks BIGINT',
    'blocks_free BIGINT',
    'blocks_available BIGINT',
    'inodes BIGINT',
    'inodes_free BIGINT',
    'flags TEXT',
  ),
  generate: () =>
    (readText('/proc/mounts') ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [device = '', path = '', type, flags] = line.split(' ').map(unescapeOctal);
        return { device, device_alias: resolved(device), path, type, ...fileSystem(path), flags };
      }),
};

function resolved(device: string): string {
  try {
    return device.startsWith('/') ? realpathSync(device) : device;
  } catch {
    return device;
  }
}

function fileSystem(path: string): Record<string, number> {
  const zero = { blocks_size: 0, blocks: 0, blocks_free: 0, blocks_available: 0, inodes: 0, inodes_free: 0 };
  try {
    const stat = statfsSync(path);
    return {
      blocks_size: stat.bsize,
      blocks: stat.blocks,
      blocks_free: stat.bfree,
      blocks_available: stat.bavail,
      inodes: stat.files,
      inodes_free: stat.ffree,
    };
  } catch {
    return zero;
  }
}

/** Blanks in /proc/mounts are written in octal. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
