import { access, constants, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readLatestRows } from '../../delivery/latest-rows-store.ts';
import { MOST_ROWS, type RowAccess, type RowReader } from '../../inspect/rows.ts';

/** Bytes of the journal that are looked through for a query's latest rows: a fraction of a second. */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Rows out of the journal of a state directory, which this process reads itself: whoever may read the directory may
 * see rows, and a running extension gives out none.
 */
export function rowsOf(stateDirectory: string): RowAccess {
  return { shown: true, read: oneByOne(journalOf(stateDirectory)) };
}

/** Throws where rows can't be read: this is no state directory, or not this user's. */
export async function assertReadable(stateDirectory: string): Promise<void> {
  await access(journalOf(stateDirectory), constants.R_OK | constants.X_OK).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') {
        throw new Error(`${stateDirectory} has no journal: name a state directory`);
      }
      throw new Error(`no permission to read the rows in ${stateDirectory} (${error.code})`);
    },
  );
}

const journalOf = (stateDirectory: string): string => join(stateDirectory, 'journal');

/** What pages are told where rows are not to be shown. */
export async function hiddenRows(path: string): Promise<RowAccess> {
  const isDirectory = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const how = isDirectory
    ? 'Rows are hidden. To show them: bro-osquery inspect --show-rows, on the same directory.'
    : 'Traces and event logs contain no rows; the journal of a state directory does: bro-osquery inspect DIRECTORY --show-rows.';
  return { shown: false, how };
}

/** What pages of a running extension are told. */
export const HIDDEN_LIVE: RowAccess = {
  shown: false,
  how: 'Rows are hidden. To show them, on this host: bro-osquery inspect --live ADDRESS --show-rows --state-dir DIRECTORY.',
};

export const HIDDEN_SANDBOX: RowAccess = {
  shown: false,
  how: 'Rows are hidden. To show them: bro-osquery inspect --sandbox --show-rows.',
};

/** However many pages ask, the journal is read for one at a time. */
function oneByOne(journal: string): RowReader {
  let reading: Promise<unknown> = Promise.resolve();
  return (name, until) => {
    const answer = reading.then(() =>
      readLatestRows(journal, {
        ...{ name, until, most: MOST_ROWS, mostBytes: MOST_BYTES },
        yieldControl: () => new Promise((resolve) => setImmediate(resolve)),
      }),
    );
    reading = answer.catch(() => {});
    return answer;
  };
}
