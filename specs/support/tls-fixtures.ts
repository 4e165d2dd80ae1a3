import { join } from 'node:path';
import type { TlsSettings } from '../../src/broker/tls.ts';

const folder = join(import.meta.dirname, '../../fixtures/tls');

/** A file of fixtures/tls. */
export const tlsFile = (name: string) => join(folder, name);

/** Settings with this certificate, trusting this authority. */
export const certified = (name: string, authority = 'ca'): TlsSettings => ({
  ca: tlsFile(`${authority}.pem`),
  certificate: tlsFile(`${name}.pem`),
  key: tlsFile(`${name}.key`),
});
