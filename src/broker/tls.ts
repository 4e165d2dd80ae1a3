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

/** `anonymous` encrypts and authenticates nobody; `mutual` wants and verifies a certificate of either side. */
export type TlsMode = 'anonymous' | 'mutual';

/** Broker's own rule: any certificate setting makes TLS mutual. */
export function tlsMode(settings: TlsSettings): TlsMode {
  return settings.ca || settings.caPath || settings.certificate || settings.key ? 'mutual' : 'anonymous';
}

/**
 * Whether a `wss://` address is reached without certificates where the server has none, as a Zeek up to 8.0 by default:
 * whoever names an authority, or asks for authentication, is never left without.
 */
export function mayBeAnonymous(settings: TlsSettings): boolean {
  return tlsMode(settings) === 'anonymous' && !settings.requireAuthentication;
}

/** What is wrong with the settings for a native connection, empty if nothing is. */
export function tlsSettingsProblem(settings: TlsSettings): string {
  if (tlsMode(settings) === 'anonymous') return '';
  if (!settings.certificate || !settings.key) {
    return 'with certificates Zeek wants them of both sides: name a certificate and its key (certificate, key) beside the authority (ca or ca_path)';
  }
  if (!settings.ca && !settings.caPath) {
    return "name the authority (ca or ca_path) that has signed the other side's certificate";
  }
  return '';
}

/** Node's TLS options, of both sides, that speak with a Broker of this mode (broker/internal/connector.cc). */
export function nativeTlsOptions(mode: TlsMode, material: TlsMaterial) {
  if (mode === 'anonymous') {
    return {
      // The one suite that Broker offers without certificates; it exists in TLS 1.2 only.
      ciphers: 'AECDH-AES256-SHA@SECLEVEL=0',
      ecdhCurve: 'P-384',
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
    { ...MISMATCH, problem: 'speaks no TLS, this side does: plain TCP needs broker:// (or ws://)' },
  ],
  [
    /PEER_DID_NOT_RETURN_A_CERTIFICATE/,
    { ...UNTRUSTED, problem: 'showed no certificate: its settings must name one and its key' },
  ],
  [
    /CERTIFICATE_REQUIRED/,
    {
      ...UNTRUSTED,
      problem: 'wants a certificate of this side: name one and its key (certificate, key) in the settings',
    },
  ],
  [/ALERT_CERTIFICATE_EXPIRED/, { ...UNTRUSTED, problem: "refuses this side's certificate: expired" }],
  [
    /ALERT_UNKNOWN_CA/,
    { ...UNTRUSTED, problem: "refuses this side's certificate: its authority is unknown there" },
  ],
  [
    /ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED|CERTIFICATE_UNKNOWN|ACCESS_DENIED|DECRYPT_ERROR)/,
    { ...UNTRUSTED, problem: "refuses this side's certificate" },
  ],
  [
    /NO_SHARED_CIPHER|HANDSHAKE_FAILURE|INSUFFICIENT_SECURITY|NO_SUITABLE|NO_SHARED_GROUP|ILLEGAL_PARAMETER/,
    {
      ...MISMATCH,
      problem:
        'has no kind of TLS in common with this side: one is set up with certificates, the other is not, or shows none; on this side ca, ca_path, certificate and require_authentication (in tls) ask for certificates',
    },
  ],
  [
    /UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|VERSION_TOO_LOW/,
    { ...MISMATCH, problem: 'has no version of TLS in common with this side, which speaks 1.2 and newer' },
  ],
  [/^CERT_HAS_EXPIRED/, { ...UNTRUSTED, problem: 'shows a certificate that has expired' }],
  [/^CERT_NOT_YET_VALID/, { ...UNTRUSTED, problem: 'shows a certificate that is not valid yet' }],
  [
    /^INVALID_PURPOSE/,
    {
      ...UNTRUSTED,
      problem: 'shows a certificate that is not for this: its extended key usage has to have serverAuth',
    },
  ],
  [
    /^(UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|CERT_UNTRUSTED|CERT_CHAIN|INVALID_CA|CERT_SIGNATURE|CERT_REJECTED|ERR_OSSL_)/,
    { ...UNTRUSTED, problem: 'shows a certificate that no configured authority has signed' },
  ],
  [/ALTNAME_INVALID|HOSTNAME_MISMATCH/, { ...UNTRUSTED, problem: 'shows a certificate for another name' }],
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
  return { ...MISMATCH, problem: `failed in TLS: ${error.message}` };
}

/** Node's code; where it is but EPROTO, the one made of OpenSSL's reason (`…:error:code:library:function:reason:…`). */
function codeOf(error: { readonly code?: unknown; readonly message: string }): string {
  if (typeof error.code !== 'string') return '';
  if (error.code !== 'EPROTO') return error.code;
  const [, reason = 'UNKNOWN'] = /:error:[^:]*:[^:]*:[^:]*:([^:]*):/.exec(error.message) ?? [];
  return `ERR_SSL_${reason.replaceAll(' ', '_').toUpperCase()}`;
}

const DAY = 24 * 60 * 60 * 1000;
/** Days before its end from which a certificate deserves a word. */
export const EXPIRY_NOTICE_DAYS = 30;

/** A word on a certificate's end if it is due; times in milliseconds since the epoch. */
export function expiryNotice(whose: string, validTo: number, now: number): string | undefined {
  const date = new Date(validTo).toISOString().slice(0, 10);
  if (now >= validTo) return `${whose} certificate has expired on ${date}: renew it`;
  const days = Math.floor((validTo - now) / DAY);
  if (days >= EXPIRY_NOTICE_DAYS) return undefined;
  return `${whose} certificate expires on ${date}, in ${days} days: renew it`;
}
