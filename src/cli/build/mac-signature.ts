import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { withRoomForSignature } from './mach-o.ts';

/**
 * Signs an executable for macOS ad hoc, that is with a signature that names nobody: on arm64 macOS runs nothing without.
 * LLVM's llvm-objcopy makes it, as its linker does; it makes one anew for a file that has one, so the file gets an
 * empty one first.
 */
export function signAdHoc(path: string): void {
  const unsigned = `${path}.unsigned`;
  writeFileSync(unsigned, withRoomForSignature(readFileSync(path)));
  // The signature's identifier is the name of the output.
  execFileSync('llvm-objcopy', [unsigned, path], { stdio: ['ignore', 'ignore', 'inherit'] });
  chmodSync(path, 0o755);
  rmSync(unsigned);
}
