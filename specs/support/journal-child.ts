/**
 * A process of its own that writes to a journal until it is killed: numbers its entries, prints the number of
 * each one once the journal has taken it, and `refused` and why where it hasn't.
 * Arguments: directory, fsync policy, bytes of a payload, entries.
 */
import { JournalStore } from '../../src/delivery/journal-store.ts';

// A file beyond the process's limit makes a signal, too; the error that the write gets is enough.
process.on('SIGXFSZ', () => {});

const [directory = '', fsync = 'never', size = '100', entries = '1000000'] = process.argv.slice(2);
const journal = await JournalStore.open({
  directory,
  now: Date.now,
  fsync: fsync as 'always' | 'interval' | 'never',
});
for (let n = 0; n < Number(entries); n += 1) {
  const appended = await journal.append({
    kind: 'log',
    header: { n },
    payload: Buffer.alloc(Number(size), n % 251),
  });
  const text = appended.accepted ? `${n}\n` : `refused ${n} ${appended.reason} ${appended.message}\n`;
  // Where the reader is behind, stdout keeps for later what is lost with the process then.
  await new Promise((resolve) => process.stdout.write(text, resolve));
}
await journal.close();
