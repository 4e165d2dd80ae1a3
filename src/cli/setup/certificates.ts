import { createPrivateKey, X509Certificate } from 'node:crypto';
import { reasonOf } from '../../text/reason.ts';
import { SetupError } from './host-file.ts';

/** PEM texts of a host's TLS, each with where it was read. */
export interface Certificates {
  readonly ca?: Pem;
  readonly certificate?: Pem;
  readonly key?: Pem;
}

export interface Pem {
  readonly from: string;
  readonly content: Buffer;
}

/** @throws SetupError where one is none, has ended, or the key belongs to another certificate */
export function checkCertificates({ ca, certificate, key }: Certificates, now: number): void {
  if ((certificate === undefined) !== (key === undefined)) {
    throw new SetupError(
      'a certificate needs its key and a key its certificate: give both --certificate and --key',
    );
  }
  for (const pem of [ca, certificate]) if (pem) readCertificate(pem, now);
  if (!certificate || !key) return;
  const ours = readCertificate(certificate, now);
  if (!ours.checkPrivateKey(readKey(key))) {
    throw new SetupError(`${key.from} is not the key of the certificate ${certificate.from}`);
  }
}

function readCertificate({ from, content }: Pem, now: number): X509Certificate {
  const certificate = attempt(from, 'certificate in PEM', () => new X509Certificate(content));
  if (Date.parse(certificate.validTo) < now) {
    throw new SetupError(`the certificate ${from} expired on ${certificate.validTo}`);
  }
  return certificate;
}

function readKey({ from, content }: Pem) {
  return attempt(from, 'private key in PEM without a passphrase', () => createPrivateKey(content));
}

function attempt<T>(from: string, what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new SetupError(`${from} is not a ${what}: ${reasonOf(error)}`);
  }
}
