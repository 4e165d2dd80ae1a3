/** What a gateway has counted since it began. */
export class GatewayCounts {
  /** Connections of hosts that came in, and those that were let in. */
  connections = 0;
  admitted = 0;
  /** Sent away: too many at once, or no Zeek. */
  turnedAway = 0;
  /** Did not get through TLS, the handshake, or the check of who they are. */
  failed = 0;
  /** Events from hosts that went on to the Zeek, rows among them, and their bytes. */
  events = 0;
  rows = 0;
  bytes = 0;
  /** Events of hosts that were refused. */
  refused = 0;
  /** Requests of the Zeek, and their copies to hosts. */
  requests = 0;
  deliveries = 0;
  /** Requests that were kept from a host by its limit. */
  withheld = 0;
  /** Times that a host was refused since another with its id is connected. */
  duplicates = 0;
  /** Hosts that read their requests too slowly, or sent nothing for too long. */
  dropped = 0;
  /** Times that a host was held back for its limits. */
  throttled = 0;
  /** The Zeek was reached. */
  zeekUps = 0;
}
