##! What an operator can set.

module osquery;

export {
	## Version of this package, told to the hosts.
	const package_version = "1.2.0";

	## Listen for hosts with Broker's own protocol. In a cluster the manager's Broker port already listens.
	const listen_native = F &redef;

	## Address to listen on with Broker's own protocol. It is encrypted by default (``Broker::disable_ssl``), and
	## authenticates both ends where ``Broker::ssl_cafile``, ``ssl_certificate`` and ``ssl_keyfile`` are set.
	const broker_ip = "0.0.0.0" &redef;

	## Port to listen on with Broker's own protocol.
	const broker_port = 9999/tcp &redef;

	## Listen for hosts that connect by WebSocket. On Zeek 8.1 and later load ``osquery/websocket`` instead of setting
	## this, unless the Zeek already has a cluster backend.
	const listen_websocket = F &redef;

	## Address to listen on by WebSocket. Whoever reaches it can send any event: it is this machine alone unless
	## told otherwise.
	const websocket_address = 127.0.0.1 &redef;

	## Port to listen on by WebSocket. ``osquery/websocket`` makes it 27759 from Zeek 8.1 on.
	const websocket_port = 9997/tcp &redef;

	## Certificate and key (PEM files) for WebSocket over TLS; both empty: no TLS. Zeek 8.0 and later; before, it
	## follows ``Broker::disable_ssl``.
	const websocket_certificate = "" &redef;
	const websocket_key = "" &redef;

	## CA file (PEM) to check the hosts' certificates with, and whether to demand them.
	const websocket_ca_file = "" &redef;
	const websocket_verify_hosts = F &redef;

	## Prefix of all topics.
	const TopicPrefix = "/bro/osquery" &redef;

	## Name of this Zeek in topics. Zeeks that one host serves may share it: each gets its own rows.
	const endpoint_name = "zeek" &redef;

	## Seconds between runs of a query that names no interval.
	option default_interval = 10;

	## How often desired queries are compared with those that each host holds, so that a lost request repairs itself.
	option sync_interval = 1min;

	## After so much silence a host counts as gone. Hosts speak at each :zeek:see:`osquery::sync_interval`.
	option host_timeout = 4min;

	## A host that has been gone for so long is forgotten.
	option forget_hosts_after = 7day;

	## A host that does not answer in this package's own words within so long has an older extension, and is asked in
	## those of zeek-osquery.
	option legacy_grace = 10sec;

	## A gateway that has said nothing for so long is gone, and its hosts with it. It speaks every 15 seconds.
	option gateway_timeout = 1min;
}
