import type { Closed } from './connection.ts';

/** TLS of one endpoint, as its settings name it: paths of PEM files. Without any of them TLS is anonymous. */
export interface TlsSettings {
  /** Certificates of the authorities that may have signed the other side's. */
  readonly ca?: string;
  /** Folder of such certificates (`*.pem`, `*.crt`). */
  readonly caPath?: string;
  /** Our certificate, with the chain below its authority. */
  readonly certificate?: string;
  readonly key?: string;
  /** Of the key. */
  readonly passphrase?: string;
  /** Refuse every peer that does not prove who it is: plain TCP and anonymous TLS. */
  readonly requireAuthentication?: boolean;
}

/** What the files held when a connection began. */
export interface TlsMaterial {
  readonly ca: readonly Uint8Array[];
  readonly certificate: Uint8Array | undefined;
  readonly key: Uint8Array | undefined;
  readonly passphrase: string | undefined;
}

/** `anonymous` encrypts without authentication; `mutual` requires and verifies a certificate of either side. */
export type TlsMode = 'anonymous' | 'mutual';

/** Broker's own rule: any certificate setting makes TLS mutual. */
export function tlsMode(settings: TlsSettings): TlsMode {
  return settings.ca || settings.caPath || settings.certificate || settings.key ? 'mutual' : 'anonymous';
}

/**
 * Whether a `wss://` address is reached without certificates where the server has none, as a Zeek up to 8.0 by default:
 * settings that name a CA, or require authentication, always get it.
 */
export function mayBeAnonymous(settings: TlsSettings): boolean {
  return tlsMode(settings) === 'anonymous' && !settings.requireAuthentication;
}

/** What is wrong with the settings for a native connection, empty if nothing is. */
export function tlsSettingsProblem(settings: TlsSettings): string {
  if (tlsMode(settings) === 'anonymous') return '';
  if (!settings.certificate || !settings.key) {
    return 'Zeek requires certificates on both sides: set certificate and key beside the CA (ca or ca_path)';
  }
  if (!settings.ca && !settings.caPath) {
    return "set the CA (ca or ca_path) that signed the other side's certificate";
  }
  return '';
}

/** Node's TLS options, of both sides, that speak with a Broker of this mode (broker/internal/connector.cc). */
export function nativeTlsOptions(mode: TlsMode, material: TlsMaterial) {
  if (mode === 'anonymous') {
    return {
      // The one suite that Broker offers without certificates; it exists in TLS 1.2 only.
      ciphers: 'AECDH-AES256-SHA@SECLEVEL=0',
      // Broker has P-384 alone; between two ends of ours X25519 costs a tenth of its time.
      ecdhCurve: 'X25519:P-256:P-384',
      minVersion: 'TLSv1.2' as const,
      maxVersion: 'TLSv1.2' as const,
      requestCert: false,
      rejectUnauthorized: false,
    };
  }
  return {
    ciphers: 'HIGH:!aNULL:!MD5',
    minVersion: 'TLSv1.2' as const,
    requestCert: true,
    rejectUnauthorized: true,
    ...materialOptions(material),
  };
}

/** The material as Node wants it; without authorities Node's own are trusted. */
export function materialOptions({ ca, certificate, key, passphrase }: TlsMaterial) {
  return {
    ...(ca.length > 0 ? { ca: ca.map((pem) => Buffer.from(pem)) } : {}),
    ...(certificate ? { cert: Buffer.from(certificate) } : {}),
    ...(key ? { key: Buffer.from(key) } : {}),
    ...(passphrase !== undefined ? { passphrase } : {}),
  };
}

type Failure = Omit<Closed, 'message'> & { readonly problem: string };

const MISMATCH = { code: 'tls-mismatch', refused: true } as const;
const UNTRUSTED = { code: 'tls-untrusted', refused: true } as const;

/** What a code of Node's or OpenSSL's means, by its end; the texts continue a sentence that began with the peer. */
const MEANINGS: readonly (readonly [RegExp, Failure])[] = [
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|RECORD_TOO_SMALL|UNKNOWN_PROTOCOL|UNEXPECTED_MESSAGE|BAD_RECORD_TYPE/,
    {
      ...MISMATCH,
      problem: 'does not use TLS, but this address does: use broker:// (or ws://) for plain TCP',
    },
  ],
  [
    /PEER_DID_NOT_RETURN_A_CERTIFICATE/,
    { ...UNTRUSTED, problem: 'presented no certificate: configure one and its key there' },
  ],
  [
    /CERTIFICATE_REQUIRED/,
    {
      ...UNTRUSTED,
      problem: 'requires a client certificate: set certificate and key in the settings',
    },
  ],
  [/ALERT_CERTIFICATE_EXPIRED/, { ...UNTRUSTED, problem: 'rejected our certificate: it has expired' }],
  [/ALERT_UNKNOWN_CA/, { ...UNTRUSTED, problem: 'rejected our certificate: its CA is unknown there' }],
  [
    /ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED|CERTIFICATE_UNKNOWN|ACCESS_DENIED|DECRYPT_ERROR)/,
    { ...UNTRUSTED, problem: 'rejected our certificate' },
  ],
  [
    /NO_SHARED_CIPHER|HANDSHAKE_FAILURE|INSUFFICIENT_SECURITY|NO_SUITABLE|NO_SHARED_GROUP|ILLEGAL_PARAMETER/,
    {
      ...MISMATCH,
      problem:
        'has no TLS cipher suite in common with this side: one is configured with certificates, the other without; on this side ca, ca_path, certificate and require_authentication (in tls) enable certificates',
    },
  ],
  [
    /UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|VERSION_TOO_LOW/,
    { ...MISMATCH, problem: 'has no TLS version in common with this side, which requires 1.2 or newer' },
  ],
  [/^CERT_HAS_EXPIRED/, { ...UNTRUSTED, problem: 'presented an expired certificate' }],
  [/^CERT_NOT_YET_VALID/, { ...UNTRUSTED, problem: 'presented a certificate that is not valid yet' }],
  [
    /^INVALID_PURPOSE/,
    {
      ...UNTRUSTED,
      problem: 'presented a certificate without serverAuth in its extended key usage',
    },
  ],
  [
    /^(UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|CERT_UNTRUSTED|CERT_CHAIN|INVALID_CA|CERT_SIGNATURE|CERT_REJECTED|ERR_OSSL_)/,
    { ...UNTRUSTED, problem: 'presented a certificate that no configured CA has signed' },
  ],
  [
    /ALTNAME_INVALID|HOSTNAME_MISMATCH/,
    { ...UNTRUSTED, problem: 'presented a certificate for another name' },
  ],
];

/** What a failure of TLS means, undefined for one of another kind. */
export function explainTlsFailure(error: {
  readonly code?: unknown;
  readonly message: string;
}): Failure | undefined {
  const code = codeOf(error);
  const failure = MEANINGS.find(([pattern]) => pattern.test(code))?.[1];
  if (failure) return { ...failure, problem: `${failure.problem} (${code})` };
  if (!/^ERR_(SSL|TLS|OSSL)/.test(code)) return undefined;
  return { ...MISMATCH, problem: `failed the TLS handshake: ${error.message}` };
}

/** Node's code; where it is but EPROTO, the one made of OpenSSL's reason (`…:error:code:library:function:reason:…`). */
function codeOf(error: { readonly code?: unknown; readonly message: string }): string {
  if (typeof error.code !== 'string') return '';
  if (error.code !== 'EPROTO') return error.code;
  const [, reason = 'UNKNOWN'] = /:error:[^:]*:[^:]*:[^:]*:([^:]*):/.exec(error.message) ?? [];
  return `ERR_SSL_${reason.replaceAll(' ', '_').toUpperCase()}`;
}

const DAY = 24 * 60 * 60 * 1000;
/** Days before a certificate's expiry from which on a warning is due. */
export const EXPIRY_NOTICE_DAYS = 30;

/** A warning of a certificate's expiry if it is due; times in milliseconds since the epoch. */
export function expiryNotice(whose: string, validTo: number, now: number): string | undefined {
  const date = new Date(validTo).toISOString().slice(0, 10);
  if (now >= validTo) return `${whose} certificate has expired on ${date}: renew it`;
  const days = Math.floor((validTo - now) / DAY);
  if (days >= EXPIRY_NOTICE_DAYS) return undefined;
  return `${whose} certificate expires on ${date}, in ${days} days: renew it`;
}
