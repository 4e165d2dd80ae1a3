import { PLATFORMS, type Platform } from '../../generate/model.ts';
import type { Describers } from '../../generate/plan-query.ts';
import type { Describe } from '../../generate/type-source.ts';
import { ourselves } from '../demo/programs.ts';
import type { AskedOsqueryd } from './asked-columns.ts';

export interface TypeOptions {
  readonly osqueryd?: string;
  readonly socket?: string;
}

/** Who says what columns a query has, on each platform. */
export interface Types {
  readonly describers: Describers;
  /** What scripts say of it. */
  readonly description: string;
  readonly stop: () => Promise<void>;
}

const TABLES = 'the tables of osquery 5.23.1';

export async function describersFor({ osqueryd, socket }: TypeOptions): Promise<Types> {
  const { schemaDescribe } = await import('./schema-columns.ts');
  const asked = await askedOsqueryd(osqueryd, socket);
  const describers: Record<Platform, Describe> = {
    darwin: once(() => schemaDescribe('darwin')),
    linux: once(() => schemaDescribe('linux')),
    windows: once(() => schemaDescribe('windows')),
  };
  if (asked) describers[asked.platform] = asked.describe;
  const others = PLATFORMS.filter((platform) => platform !== asked?.platform).join(' and ');
  return {
    describers,
    description: asked ? `osqueryd ${asked.version} on ${asked.platform}, ${TABLES} on ${others}` : TABLES,
    stop: async () => asked?.stop(),
  };
}

/** `sandbox` stands for the stand-in that comes with this program. */
async function askedOsqueryd(
  program: string | undefined,
  socket: string | undefined,
): Promise<AskedOsqueryd | undefined> {
  if (program === undefined && socket === undefined) return undefined;
  const { askProgram, askRunning } = await import('./asked-columns.ts');
  if (socket !== undefined) return askRunning(socket);
  return askProgram(program === 'sandbox' ? [...ourselves(), 'sandbox', 'osqueryd'] : [program ?? '']);
}

/** Made when it is needed first. */
function once(make: () => Describe): Describe {
  let made: Describe | undefined;
  return (sql) => {
    made ??= make();
    return made(sql);
  };
}
