import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { isSea } from 'node:sea';

/** An osqueryd to run the demo with: the command that starts it, and what to say of it. */
export interface FoundOsqueryd {
  readonly command: readonly string[];
  readonly standIn: boolean;
  readonly description: string;
}

/** A real Zeek, and what to say of it. */
export interface FoundZeek {
  readonly program: string;
  readonly description: string;
}

/** `ZEEK` has no Zeek of the PATH taken. */
const NO_ZEEK = 'none';

export interface Environment {
  readonly OSQUERYD?: string | undefined;
  readonly ZEEK?: string | undefined;
  readonly PATH?: string | undefined;
}

/** The command that starts this program the way it was started itself. */
export function ourselves(): readonly string[] {
  const { execPath, execArgv, argv } = process;
  const [, script] = argv;
  // A single executable has the program and Node's options inside. `argv[1]` is what it was called by, a link perhaps.
  return isSea() || script === undefined ? [execPath] : [execPath, ...execArgv, script];
}

/**
 * The osqueryd that `OSQUERYD` names, else the one on the PATH, else the stand-in.
 * @throws Error if `OSQUERYD` names nothing that can be run
 */
export function findOsqueryd({ OSQUERYD, PATH = '' }: Environment): FoundOsqueryd {
  if (OSQUERYD) {
    if (isProgram(OSQUERYD)) return real(OSQUERYD, 'from OSQUERYD');
    throw new Error(`OSQUERYD names ${OSQUERYD}, which is not an executable`);
  }
  const found = onPath('osqueryd', PATH);
  if (found !== undefined) return real(found, 'found on the PATH');
  return {
    command: [...ourselves(), 'sandbox', 'osqueryd'],
    standIn: true,
    description:
      'the stand-in that comes with bro-osquery, because there is no osqueryd on the PATH (set OSQUERYD to use one)',
  };
}

/**
 * The Zeek that `ZEEK` names, else the one on the PATH; undefined where there is none, or `ZEEK` is `none`.
 * @throws Error if `ZEEK` names nothing that can be run
 */
export function findZeek({ ZEEK, PATH = '' }: Environment): FoundZeek | undefined {
  if (ZEEK === NO_ZEEK) return undefined;
  if (ZEEK) {
    if (isProgram(ZEEK)) return { program: ZEEK, description: `the real Zeek, ${ZEEK}, from ZEEK` };
    throw new Error(`ZEEK names ${ZEEK}, which is not an executable`);
  }
  const found = onPath('zeek', PATH);
  return found === undefined
    ? undefined
    : { program: found, description: `the real Zeek, ${found}, found on the PATH (ZEEK=none takes none)` };
}

function onPath(name: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isProgram);
}

function real(path: string, why: string): FoundOsqueryd {
  return { command: [path], standIn: false, description: `the real osqueryd, ${path}, ${why}` };
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
