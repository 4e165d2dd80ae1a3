import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import { printable } from '../../replay/printable.ts';

type Style = Parameters<typeof styleText>[0];

/**
 * Where the demo shows what happens. Colours only where a terminal watches that wants them; what others have said, as
 * osqueryd or the last lines of a process, is shown as text alone.
 */
export interface DemoOutput {
  /** A new step, numbered. */
  step(title: string): void;
  /** Something that happened. */
  line(text: string): void;
  /** What only few want to know. */
  detail(text: string): void;
  row(row: ShownRow): void;
  success(text: string): void;
  failure(text: string): void;
}

/** A row as `bro-osquery bro` prints it. */
export interface ShownRow {
  readonly event: string;
  readonly update: 'ADDED' | 'REMOVED' | 'SNAPSHOT';
  readonly columns: readonly { readonly name?: string; readonly value: unknown }[];
}

const STYLES: Readonly<Record<ShownRow['update'], Style>> = {
  ADDED: 'green',
  REMOVED: 'red',
  SNAPSHOT: 'cyan',
};
const INDENT = '     ';

export function createDemoOutput(out: Writable, colours: boolean): DemoOutput {
  const style = (format: Style, text: string) =>
    colours ? styleText(format, text, { validateStream: false }) : text;
  const print = (line: string) => out.write(`${line}\n`);
  let steps = 0;
  return {
    step(title) {
      steps += 1;
      print(`\n${style('bold', `${String(steps).padStart(3)}. ${title}`)}`);
    },
    line: (text) => print(`${INDENT}${printable(text)}`),
    detail: (text) => print(`${INDENT}${style('dim', printable(text))}`),
    row({ update, columns }) {
      const values = columns.map(({ name, value }, index) => {
        const text = typeof value === 'string' ? printable(value) : String(value);
        return `${style('dim', `${printable(name ?? String(index + 1))}=`)}${text}`;
      });
      print(`${INDENT}${style(STYLES[update], update.padEnd(8))} ${values.join('  ')}`);
    },
    success: (text) => print(`\n${style(['bold', 'green'], printable(text))}`),
    failure: (text) => print(`\n${style(['bold', 'red'], printable(text))}`),
  };
}
