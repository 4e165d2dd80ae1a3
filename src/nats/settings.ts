/** How one NATS server is used, as its endpoint's settings say. TLS has settings of its own. */
export interface NatsSettings {
  /** Of the subjects, see NatsSubjects. */
  readonly prefix: string;
  /** File of a user's JWT and seed, as `nsc` writes it. */
  readonly credentials?: string;
  /** File of an nkey's seed (`SU…`). */
  readonly nkey?: string;
  readonly user?: string;
  readonly password?: string;
  readonly jetstream: JetStreamUse;
  /** The nodes of a Zeek cluster talk over this server themselves: they are spoken to as they speak. */
  readonly zeekCluster?: boolean;
}

/**
 * `off`: rows are published, and count as delivered once the server has taken them and the Bro says that it has, if
 * it can. `use`: rows count as delivered once the stream that the operator has made keeps them; without one nothing
 * is sent. `create`: the same, and a missing stream is made with {@link STREAM_LIMITS}.
 */
export type JetStreamUse = 'off' | 'use' | 'create';

/** Limits of a stream that is created on demand. A stream that is full takes nothing new: rows wait on their hosts. */
export const STREAM_LIMITS = {
  maxBytes: 4 * 1024 ** 3,
  /** Messages of one host, each with many rows. */
  messagesOfHost: 1_000,
  /** Milliseconds within which the server drops a row that it is given again; each id takes it some 100 bytes. */
  duplicateWindow: 10 * 60_000,
} as const;

/** What is wrong with the settings, empty if nothing is. */
export function natsSettingsProblem(settings: NatsSettings): string {
  const ways = [settings.credentials, settings.nkey, settings.user].filter((way) => way !== undefined);
  if (ways.length > 1) return 'set only one of credentials, nkey and user';
  if (settings.password !== undefined && settings.user === undefined) return 'a password requires a user';
  if (settings.zeekCluster && settings.jetstream !== 'off')
    return 'a Zeek cluster reads no stream: leave out jetstream, or zeek_cluster';
  return '';
}
