import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DeliveryError } from './delivery-error.ts';

/**
 * Takes a directory for this process with a file that names it. The file of a process that is no more is
 * taken over.
 * @returns what gives the directory back
 * @throws DeliveryError `locked` while another living process has it
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, 'journal.lock');
  for (let attempt = 0; ; attempt += 1) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(`${process.pid}\n`);
      await file.close();
      return () => rm(path, { force: true });
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
    }
    const owner = Number.parseInt(await readFile(path, 'utf8').catch(() => ''), 10);
    if (attempt > 0 || (isAlive(owner) && owner !== process.pid)) {
      throw new DeliveryError(
        'locked',
        `process ${owner} already uses ${directory}: end it, or take another directory`,
      );
    }
    await rm(path, { force: true });
  }
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !isCode(error, 'ESRCH');
  }
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
