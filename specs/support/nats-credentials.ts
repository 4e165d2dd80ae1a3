import { nkeys } from 'nats';

/** Keys of an operator, an account and a user, as `nsc` would make them, for a server that trusts the operator. */
export interface NatsCredentials {
  /** Lines for the server's configuration. */
  readonly config: string;
  /** Content of a credentials file. */
  readonly file: string;
}

/** @param expires seconds since the epoch at which the user's credentials end */
export function makeCredentials(expires?: number): NatsCredentials {
  const operator = nkeys.createOperator();
  const account = nkeys.createAccount();
  const user = nkeys.createUser();
  const operatorJwt = sign(operator, operator, { type: 'operator', version: 2 });
  const limits = {
    subs: -1,
    data: -1,
    payload: -1,
    imports: -1,
    exports: -1,
    wildcards: true,
    conn: -1,
    leaf: -1,
  };
  const accountJwt = sign(operator, account, { type: 'account', version: 2, limits });
  const userJwt = sign(account, user, { type: 'user', version: 2, subs: -1, data: -1, payload: -1 }, expires);
  const seed = new TextDecoder().decode(user.getSeed());
  return {
    config: [
      `operator: ${operatorJwt}`,
      'resolver: MEMORY',
      `resolver_preload: { ${account.getPublicKey()}: ${accountJwt} }`,
    ].join('\n'),
    file: [
      '-----BEGIN NATS USER JWT-----',
      userJwt,
      '------END NATS USER JWT------',
      '',
      '-----BEGIN USER NKEY SEED-----',
      seed,
      '------END USER NKEY SEED------',
      '',
    ].join('\n'),
  };
}

/** An nkey: its seed, and the public key that a server's configuration names. */
export function makeNkey(): { readonly seed: string; readonly publicKey: string } {
  const user = nkeys.createUser();
  return { seed: new TextDecoder().decode(user.getSeed()), publicKey: user.getPublicKey() };
}

function sign(
  issuer: ReturnType<typeof nkeys.createUser>,
  subject: ReturnType<typeof nkeys.createUser>,
  nats: object,
  expires?: number,
): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    jti: subject.getPublicKey(),
    iat: 1_700_000_000,
    iss: issuer.getPublicKey(),
    name: 'spec',
    sub: subject.getPublicKey(),
    ...(expires !== undefined && { exp: expires }),
    nats,
  };
  const body = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part(claims)}`;
  return `${body}.${Buffer.from(issuer.sign(Buffer.from(body))).toString('base64url')}`;
}
