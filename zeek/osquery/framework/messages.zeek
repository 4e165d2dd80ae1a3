##! The events that Zeek and hosts exchange. They are declared here, on every node: a node that takes WebSocket clients
##! refuses events that it doesn't know. Names, arguments and their types are the wire format; the host's side of it is
##! held against this file by the host's tests.

@load ./types

module osquery::hosts;

export {
	## A query as it travels, one of those that a Zeek desires on a host.
	type DesiredQuery: record {
		## Name of the event for the rows.
		ev: string;
		query: string;
		cookie: string;
		## Topic for the rows.
		resT: string;
		## ADDED, REMOVED, BOTH or SNAPSHOT.
		utype: string;
		## Seconds between runs.
		inter: count;
	};

	## Who a host is.
	type HostDetailsV1: record {
		## Its Broker endpoint, as in ``Broker::peer_lost``.
		endpoint_id: string;
		## New at each start of the host's extension.
		instance_id: string;
		hostname: string;
		addresses: set[addr];
		groups: vector of string;
		platform: string;
		os_name: string;
		agent_version: string;
	};

	### To hosts, in the words of zeek-osquery.

	## Run a query again and again.
	global host_subscribe: event(ev: string, query: string, cookie: string, resT: string, utype: string, inter: count);

	## Don't any more.
	global host_unsubscribe: event(ev: string, query: string, cookie: string, resT: string, utype: string, inter: count);

	## Run a query once.
	global host_execute: event(ev: string, query: string, cookie: string, resT: string, utype: string);

	## Join a group.
	global host_join: event(group: string);

	## Leave a group.
	global host_leave: event(group: string);

	### To hosts, of this package alone.

	## How many queries this Zeek desires on the host, and the hash over them.
	global host_declare: event(zeek_instance: string, package_version: string, size: count, hash: string);

	## All queries that this Zeek desires on the host: these and no other.
	global host_desired_queries: event(zeek_instance: string, queries: vector of DesiredQuery);

	## All rows up to and with this number have been handled.
	global host_acknowledge: event(sequence: count);

	## The same, for the one host of those with this id that is meant. Since version 1.1.0.
	global host_acknowledge_v2: event(instance_id: string, sequence: count);

	## What was sent in this run is not all there: everything after the last acknowledgement is to come again, in a new
	## run. Since version 1.2.0.
	global host_resend_v1: event(instance_id: string, run: count);

	### From hosts, in the words of zeek-osquery.

	## A host is there.
	global host_new: event(peer_name: string, host_id: string, group_list: vector of string);

	### From hosts, to this package alone.

	## Who the host is: after the first ``host_declare``, and when an address or a group comes or goes.
	global host_details_v1: event(host_id: string, details: HostDetailsV1);

	## How many queries of ``zeek_instance`` the host holds, and their hash; the answer to each ``host_declare``.
	global host_queries_held: event(host_id: string, zeek_instance: string, size: count, hash: string);

	## All rows up to and with this number have been sent.
	global host_rows_sent: event(host_id: string, sequence: count);

	## The same, with the host's instance. Since version 1.1.0.
	global host_rows_sent_v2: event(host_id: string, instance_id: string, sequence: count);

	## What a host sends begins anew at the row after the last acknowledgement: a new run. Since version 1.2.0.
	global host_rows_begin_v1: event(host_id: string, instance_id: string, run: count);

	## All rows up to and with this number have been sent in this run (0 after the host has connected), and how many by
	## their query's cookie since it asked last. Since version 1.2.0.
	global host_rows_sent_v3: event(host_id: string, instance_id: string, run: count, sequence: count,
	                                rows: table[string] of count);

	## Which process speaks for the host, beside each answer to ``host_declare``. Since version 1.1.0.
	global host_instance: event(host_id: string, instance_id: string, hostname: string, addresses: set[addr]);

	## Rows that this Zeek will never get; 0 rows where some may be missing and nobody knows how many.
	global host_gap: event(host_id: string, first: count, last: count, rows: count, reason: string);

	## The host shuts down cleanly.
	global host_farewell: event(host_id: string);

	## What a host has to tell.
	global host_log: event(host_id: string, msg: string);
	global host_warning: event(host_id: string, msg: string);
	global host_error: event(host_id: string, msg: string);
}

event host_subscribe(ev: string, query: string, cookie: string, resT: string, utype: string, inter: count) &is_used
	{
	}

event host_unsubscribe(ev: string, query: string, cookie: string, resT: string, utype: string, inter: count) &is_used
	{
	}

event host_execute(ev: string, query: string, cookie: string, resT: string, utype: string) &is_used
	{
	}

event host_join(group: string) &is_used
	{
	}

event host_leave(group: string) &is_used
	{
	}

event host_declare(zeek_instance: string, package_version: string, size: count, hash: string) &is_used
	{
	}

event host_desired_queries(zeek_instance: string, queries: vector of DesiredQuery) &is_used
	{
	}

event host_acknowledge(sequence: count) &is_used
	{
	}

event host_acknowledge_v2(instance_id: string, sequence: count) &is_used
	{
	}

event host_resend_v1(instance_id: string, run: count) &is_used
	{
	}

module osquery::gateways;

export {
	### Between this package and gateways, which carry many hosts over one connection.

	## A gateway is there: its name, and its Broker endpoint. Said at first and every 15 seconds.
	global gateway_hello_v1: event(name: string, endpoint_id: string, version: string);

	## A host introduces itself through the gateway.
	global gateway_carries_v1: event(name: string, host_id: string, endpoint_id: string);

	## A host of the gateway is gone without a word of its own.
	global gateway_lost_v1: event(name: string, host_id: string, endpoint_id: string, reason: string);

	## So many groups of rows that hosts have left in a stream have been sent, by the gateway's own count. Since version
	## 1.2.0.
	global gateway_rows_sent_v1: event(name: string, number: count);

	## To a gateway: all of them up to and with this number have been handled. Since version 1.2.0.
	global gateway_acknowledge_v1: event(number: count);

	## To a gateway: the names of all events that this Zeek takes rows as. The answer to its hello, and said again when
	## there are more.
	global gateway_welcome_v1: event(zeek_instance: string, package_version: string, events: set[string]);
}

event gateway_acknowledge_v1(number: count) &is_used
	{
	}

event gateway_welcome_v1(zeek_instance: string, package_version: string, events: set[string]) &is_used
	{
	}
