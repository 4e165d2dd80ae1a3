import { createHash } from 'node:crypto';
import { token, untoken } from '../text/subject-token.ts';

/**
 * The subjects of one fleet on a NATS server. All begin with one prefix; a prefix belongs to one Bro, as an address
 * does over Broker: whoever wants a second Bro gives it another prefix.
 *
 * A subject says whom a message is for, so that permissions and `nats sub` can use it; many Broker topics share one
 * (`/bro/osquery/host/h1` and `/zeek-agent/query/host/h1` are both `osquery.host.h1`). The message itself carries
 * the topic, so that nothing is lost, and is only taken on the subject that its topic belongs to.
 */
export interface NatsSubjects {
  readonly prefix: string;
  /** To every host: topics that end in `/all` or `/hosts`. */
  readonly all: string;
  /** To one host: topics that end in `/host/<id>` or `/uid/<id>`. */
  host(id: string): string;
  /** Where a message with this Broker topic goes, from a Bro to hosts. */
  ofTopic(topic: string): string;
  /** From hosts: announcements, and all that they say but rows. */
  readonly announce: string;
  /** From one host: its rows. */
  rows(host: string): string;
  /** Rows of all hosts; what a stream captures. */
  readonly everyRow: string;
  /** Where hosts ask for the Bro that serves this prefix. */
  readonly hello: string;
  /** The same for one Bro alone, by its endpoint id. */
  helloTo(bro: string): string;
  /** Where the Bro says that it is there, every few seconds, or that it goes. */
  readonly bro: string;
  /** What a host says to the gateway that serves its partition; `*` for any host's. */
  inPartition(partition: number, host: string): PartitionSubjects;
  /** Name of the JetStream stream that keeps rows: the prefix in upper case. */
  readonly stream: string;
}

/** Subjects of one host, which end in its id, so that a server's permissions can be for one host alone. */
export interface PartitionSubjects {
  readonly rows: string;
  readonly announce: string;
  readonly hello: string;
}

export const DEFAULT_PREFIX = 'osquery';
/** NATS takes about 4 KiB for a subject together with all else on its line. */
const LONGEST = 1_024;
const LONGEST_PREFIX = 100;

/** What is wrong with a prefix of subjects, empty if nothing is. */
export function prefixProblem(prefix: string): string {
  if (prefix.length > LONGEST_PREFIX) return `is longer than ${LONGEST_PREFIX} characters`;
  if (/[\s*>\p{Cc}]/u.test(prefix)) return 'contains a space or a wildcard';
  if (prefix.startsWith('$') || prefix.startsWith('_')) return 'begins like the subjects of NATS itself';
  return prefix.split('.').includes('') ? 'has an empty token' : '';
}

/** The subjects under a prefix without problems. */
export function natsSubjects(prefix: string): NatsSubjects {
  const subject = (kind: string, tokens: readonly string[]): string => {
    const whole = [prefix, kind, ...tokens.map(token)].join('.');
    // No token holds two % in a row, so this stands for no other.
    return Buffer.byteLength(whole) <= LONGEST ? whole : `${prefix}.${kind}.%%${hash(tokens)}`;
  };
  return {
    prefix,
    all: `${prefix}.all`,
    host: (id) => subject('host', [id]),
    ofTopic(topic) {
      const audience = audienceOf(topic);
      return audience.to === 'all' ? `${prefix}.all` : subject(audience.to, audience.names);
    },
    announce: `${prefix}.announce`,
    rows: (host) => subject('rows', [host]),
    everyRow: `${prefix}.rows.>`,
    hello: `${prefix}.hello`,
    helloTo: (bro) => subject('hello', [bro]),
    bro: `${prefix}.bro`,
    inPartition(partition, host) {
      const end = `${partition}.${host === '*' ? host : token(host)}`;
      return {
        rows: `${prefix}.rows.${end}`,
        announce: `${prefix}.announce.${end}`,
        hello: `${prefix}.hello.${end}`,
      };
    },
    stream: prefix.toUpperCase().replaceAll(/[^A-Z0-9_-]/g, '_'),
  };
}

/** The partition that a host is in, of so many. */
export function partitionOf(host: string, partitions: number): number {
  return createHash('sha256').update(host).digest().readUInt32BE() % partitions;
}

/** The id in a subject of {@link NatsSubjects.inPartition}. */
export function hostOfSubject(subject: string): string {
  return untoken(subject.slice(subject.lastIndexOf('.') + 1));
}

type TopicAudience =
  | { readonly to: 'all' }
  /** A group by its names from the outside in; a topic that is for none of them by its parts. */
  | { readonly to: 'host' | 'group' | 'topic'; readonly names: readonly string[] };

/** Whom a topic addresses, judged by its shape alone: all vocabularies end their topics so. */
function audienceOf(topic: string): TopicAudience {
  const parts = topic.split('/');
  for (const [at, part] of parts.entries()) {
    const names = parts.slice(at + 1);
    if (part === 'group' && names.length > 0) return { to: 'group', names };
    if ((part === 'host' || part === 'uid') && names.length === 1) return { to: 'host', names };
    if ((part === 'all' || part === 'hosts') && names.length === 0) return { to: 'all' };
  }
  return { to: 'topic', names: parts };
}

function hash(tokens: readonly string[]): string {
  return createHash('sha256').update(tokens.map(token).join('.')).digest('hex');
}
