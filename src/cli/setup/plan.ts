import type { OsqueryLayout } from '../../osquery/layout.ts';
import { withExtension } from './autoload-text.ts';
import type { Certificates } from './certificates.ts';
import { memberFor, withZeeks } from './configuration-text.ts';
import { flagIn } from './flag-text.ts';
import { withOurFlags } from './flags.ts';
import { type Change, type HostFile, isSame, type Plan, SetupError } from './host-file.ts';

export interface Wishes {
  readonly zeeks: readonly string[];
  readonly certificates: Certificates;
  /** Whether to refuse a Zeek that does not prove who it is; undefined: as the configuration has it. */
  readonly requireAuthentication: boolean | undefined;
  /** Undefined: as the service or the layout has it. */
  readonly flagfile: string | undefined;
  readonly config: string | undefined;
  /** The running executable, where it is to be put in its place. */
  readonly executable: Buffer | undefined;
}

export interface Host {
  readonly layout: OsqueryLayout;
  /** Undefined: there is no such file. */
  readonly read: (path: string) => HostFile | undefined;
  /** Who is to own what is made. */
  readonly owner: { readonly uid: number; readonly gid: number };
  /** Whether files have owners and modes, as on all systems but Windows, which has access lists. */
  readonly hasPermissions: boolean;
}

const WRITABLE_BY_OTHERS = 0o022;

/** What has to change on the host. Writes nothing. @throws SetupError */
export function planSetup(host: Host, wishes: Wishes): Plan {
  const { layout } = host;
  const service = serviceFiles(host);
  const flagfile = wishes.flagfile ?? service.flagfile ?? layout.flagfile;
  const flags = textOf(host, flagfile);
  const config = wishes.config ?? service.config ?? flagIn(flags, 'config_path') ?? layout.config;
  const autoload = flagIn(flags, 'extensions_autoload') ?? layout.autoload;
  const made = withOurFlags(flags, { autoload, defaultAutoload: layout.autoload });
  const listed = withExtension(textOf(host, autoload), layout.extension);
  const tls = tlsMembers(wishes, layout);
  const wanted = { zeeks: wishes.zeeks, tls };
  const changes = [
    ...executableChange(host, wishes.executable),
    ...certificateChanges(host, wishes.certificates),
    textChange(host, autoload, listed.text, 0o644),
    textChange(host, config, withZeeks(textOf(host, config), config, wanted), 0o600),
    // Last: only now osqueryd would look for all the others.
    textChange(host, flagfile, made.text, 0o644),
  ];
  return {
    flagfile,
    changes: changes
      .map((change) => (host.hasPermissions ? change : withoutPermissions(change)))
      .filter(({ before, after }) => !isSame(before, after)),
    notes: [
      ...made.notes,
      ...listed.notes,
      ...pluginNotes(flagIn(flags, 'config_plugin'), config, memberFor(wanted)),
    ],
  };
}

function withoutPermissions({ before, after, ...change }: Change): Change {
  const { mode, uid, gid } = before ?? { mode: 0o666, uid: 0, gid: 0 };
  return { ...change, before, after: { content: after.content, mode, uid, gid } };
}

/** What the service's environment names. */
function serviceFiles(host: Host): { flagfile?: string; config?: string } {
  for (const path of host.layout.service) {
    const text = textOf(host, path);
    const variable = (name: string) =>
      new RegExp(`^\\s*${name}=["']?([^"'\\s]+)["']?\\s*$`, 'm').exec(text)?.[1];
    const flagfile = variable('FLAG_FILE');
    const config = variable('CONFIG_FILE');
    if (flagfile || config) return { ...(flagfile && { flagfile }), ...(config && { config }) };
  }
  return {};
}

/** Where osquery does not read the file, it is what we fall back to. */
function pluginNotes(plugin: string | undefined, config: string, member: string): string[] {
  if (plugin === undefined || plugin === 'filesystem') return [];
  return [
    `osquery takes its configuration from its plugin ${plugin}. The extension reads ${config} as long as that one has no key bro; to name the Zeek there for all hosts, add to its options: ${member.replaceAll(/\s+/g, ' ')}`,
  ];
}

/** Where certificates go. */
function placeOf(layout: OsqueryLayout, name: keyof Certificates): string {
  const between = layout.setup.includes('\\') ? '\\' : '/';
  return [layout.setup, 'tls', name === 'key' ? 'key.pem' : `${name}.pem`].join(between);
}

const PEMS = ['ca', 'certificate', 'key'] as const;

function tlsMembers({ certificates, requireAuthentication }: Wishes, layout: OsqueryLayout) {
  const members: Record<string, string | boolean> = {};
  for (const name of PEMS) if (certificates[name]) members[name] = placeOf(layout, name);
  const require = requireAuthentication ?? (certificates.ca ? true : undefined);
  if (require !== undefined) members['require_authentication'] = require;
  return members;
}

function certificateChanges(host: Host, certificates: Certificates): Change[] {
  return PEMS.flatMap((name) => {
    const pem = certificates[name];
    if (!pem) return [];
    const path = placeOf(host.layout, name);
    const isKey = name === 'key';
    const after = { content: pem.content, mode: isKey ? 0o600 : 0o644, ...host.owner };
    return [{ path, before: host.read(path), after, shown: isKey ? ('hidden' as const) : ('text' as const) }];
  });
}

/** What is there stays, a newer package's above all; only who may write it is put right. */
function executableChange(host: Host, executable: Buffer | undefined): Change[] {
  const path = host.layout.extension;
  const before = host.read(path);
  const content = before?.content ?? executable;
  if (!content) {
    throw new SetupError(
      `${path} does not exist: install the package, or run setup by the executable itself, which puts a copy of itself there`,
    );
  }
  return [{ path, before, after: { content, mode: 0o755, ...host.owner }, shown: 'binary' }];
}

/** A file that is there keeps its owner and its mode, but for writing by others. */
function textChange(host: Host, path: string, text: string, mode: number): Change {
  const before = host.read(path);
  const content = Buffer.from(text);
  const after = before
    ? { ...before, content, mode: before.mode & ~WRITABLE_BY_OTHERS }
    : { content, mode, ...host.owner };
  return { path, before, after, shown: 'text' };
}

/** Bytes that are no UTF-8 would not come back as they were. */
function textOf(host: Host, path: string): string {
  const file = host.read(path);
  if (!file) return '';
  const text = file.content.toString('utf8');
  if (!Buffer.from(text).equals(file.content)) throw new SetupError(`${path} is not UTF-8 text`);
  return text;
}
