import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { putIntoNode } from './executable.ts';
import { signAdHoc } from './mac-signature.ts';
import { isHost, type Target } from './targets.ts';

/**
 * Makes the executable for a platform; with compiled code where this machine can make it.
 * @param folder of the bundle, in which it gets one of its own
 * @param nodeFolder the folder of a package of npm that brings Node
 * @returns its path
 */
export function buildTarget(target: Target, folder: string, nodeFolder: (name: string) => string): string {
  const own = join(folder, target.name);
  mkdirSync(own, { recursive: true });
  const output = join(own, target.file);
  rmSync(output, { force: true });
  const node = join(nodeFolder(target.node), target.executable);
  putIntoNode({ folder, output, node, codeCache: isHost(target, process) });
  if (target.platform === 'darwin') signAdHoc(output);
  return output;
}
