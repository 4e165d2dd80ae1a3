import type { Settings } from './settings.ts';

type ConnectionSettings = Pick<Settings, 'endpoints' | 'vocabularies'>;

/**
 * The Zeeks, by configured address, whose connections are to be made anew: what a connection is made of, its address, TLS,
 * credentials and vocabularies, is another now. Those that are new or configured no more are none of them.
 */
export function changedEndpoints(before: ConnectionSettings, now: ConnectionSettings): readonly string[] {
  const madeOf = ({ endpoints, vocabularies }: ConnectionSettings, peer: string): string | undefined => {
    const endpoint = endpoints.find((one) => one.peer === peer);
    return endpoint && JSON.stringify([endpoint, vocabularies]);
  };
  return now.endpoints
    .map(({ peer }) => peer)
    .filter((peer) => {
      const former = madeOf(before, peer);
      return former !== undefined && former !== madeOf(now, peer);
    });
}
