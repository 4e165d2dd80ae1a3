import { readFile } from 'node:fs/promises';
import { InvalidArgumentError } from 'commander';
import { type InspectAddress, parseInspectAddress } from './address.ts';

/** An option's value as an address. */
export function inspectAddress(text: string): InspectAddress {
  const address = parseInspectAddress(text);
  if (address) return address;
  throw new InvalidArgumentError(
    'An address is host:port, a port on loopback, or the path of a Unix socket.',
  );
}

/** The file's text without white space around it. Throws where that is too short to be a secret. */
export async function readToken(file: string): Promise<string> {
  const token = (await readFile(file, 'utf8')).trim();
  if (token.length >= 16 && token.length <= 256) return token;
  throw new Error(`${file} holds no valid token (16 to 256 characters)`);
}
