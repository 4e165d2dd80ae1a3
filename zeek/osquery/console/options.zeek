##! What an operator can set for consoles.

module osquery::console;

export {
	## Listen for consoles. They may use any other port of this Zeek's WebSocket API as well, a cluster manager's for instance.
	const listen = T &redef;

	## Where to listen. Whoever reaches it can send this Zeek any event: it is this machine alone unless told otherwise.
	const listen_address = 127.0.0.1 &redef;
	const listen_port = 27760/tcp &redef;

	## Certificate and key (PEM files) for TLS; both empty: no TLS. Zeek 8.0 and later.
	const certificate = "" &redef;
	const key = "" &redef;

	## CA file (PEM) that has signed the consoles' certificates. Where it is set, a console without one is turned away.
	const ca_file = "" &redef;

	## Whether queries may be run at all; else consoles see hosts and what scripts ask of them, no more.
	option allow_queries = T;

	## Whether they may run again and again, for as long as whoever asked is there.
	option allow_subscriptions = T;

	## The tables that may be asked, in lower case; empty: all.
	option allowed_tables: set[string] = set();

	## The tables that may not.
	option denied_tables: set[string] = set();

	## Hosts that one query may be for; 0: any number.
	option max_hosts: count = 0;

	## Rows after which a query ends. A console may ask for less.
	option max_rows: count = 1000000;

	## Queries that one console may have at a time.
	option max_queries: count = 20;

	## How long a one-time query may take, whatever a console asks for.
	option max_timeout = 30min;

	## The shortest interval of a subscription, in seconds.
	option min_interval: count = 1;

	## A console that has said nothing for so long is gone, and its queries end. It speaks every 5 seconds.
	option client_timeout = 20sec;
}
