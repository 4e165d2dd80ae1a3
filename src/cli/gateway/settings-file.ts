import { readFile } from 'node:fs/promises';
import { type ParsedGateway, parseGatewaySettings } from '../../gateway/parse-settings.ts';
import { reasonOf } from '../../text/reason.ts';

/** Where a gateway's settings come from. */
export interface GatewaySources {
  readonly config?: string;
  readonly zeek?: readonly string[];
  readonly listen?: string;
  readonly nats?: readonly string[];
  readonly auditLog?: string;
  readonly stateDir?: string;
}

/**
 * The file and the command line, which goes before it.
 * @throws Error where the file can't be read or is no JSON
 */
export async function readGatewaySettings(flags: GatewaySources): Promise<ParsedGateway> {
  const file = flags.config === undefined ? {} : await readConfig(flags.config);
  return parseGatewaySettings({
    ...file,
    ...(flags.zeek && { zeek: flags.zeek }),
    ...(flags.listen !== undefined && { listen: flags.listen }),
    ...(flags.nats && { nats: { ...natsIn(file), servers: flags.nats } }),
    ...(flags.auditLog !== undefined && { audit_log: flags.auditLog }),
    ...(flags.stateDir !== undefined && { state_dir: flags.stateDir }),
  });
}

/** What the file says of NATS beside the servers. */
function natsIn(file: object): object {
  const nats = 'nats' in file ? file.nats : undefined;
  return typeof nats === 'object' && nats !== null ? nats : {};
}

async function readConfig(path: string): Promise<object> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new Error(`can't read the configuration ${path}: ${reasonOf(error)}`);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    throw new Error(`the configuration ${path} is not valid JSON: ${reasonOf(error)}`);
  }
  throw new Error(`the configuration ${path} is not a JSON object`);
}
