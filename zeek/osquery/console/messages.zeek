##! The events between this Zeek, consoles, and hosts that a console's query runs on. Names, arguments and their types are
##! the wire format; the other sides are held against this file by their tests.

@load ../framework

module osquery::console;

export {
	## What a console asks.
	type Question: record {
		sql: string;
		## Whom: hosts by id, groups, subnets; all empty: every host.
		hosts: vector of string;
		groups: vector of string;
		subnets: vector of string;
		## Seconds between runs; 0: once.
		inter: count;
		## ADDED, REMOVED, BOTH or SNAPSHOT; without a meaning for what runs once.
		utype: string;
		## Of a query that runs once: how long to wait for answers. 0: as long as this Zeek allows.
		patience: interval;
		## Rows after which it ends; 0: as many as this Zeek allows.
		max_rows: count;
	};

	## Something that a console is told.
	type Item: record {
		## The request that it belongs to; empty: none.
		request: string;
		## What it is, see ``zeek/README.md``.
		kind: string;
		## The host that it is about.
		host: string;
		number: count;
		at: time;
		text: string;
		## Further facts as JSON, or empty.
		detail: string;
	};

	### From consoles. ``client`` is a random id of the console's own, ``request`` one of the request's.

	## A console is there. ``user`` is whoever it says is before it.
	global open_v1: event(client: string, user: string, version: string);

	## It is still there, and has got all messages up to that number.
	global alive_v1: event(client: string, received: count);

	## It goes.
	global close_v1: event(client: string);

	## Run a query.
	global ask_v1: event(client: string, request: string, question: Question);

	## End it.
	global stop_v1: event(client: string, request: string, reason: string);

	## Tell what is known: ``hosts``, ``queries``, ``activity``, or ``host`` of the host that is named.
	global list_v1: event(client: string, request: string, what: string, host_id: string);

	### To consoles.

	## Things of note; messages to a console are numbered from 1.
	global say_v1: event(client: string, number: count, items: vector of Item);

	### From hosts.

	## A row of a console's query, as a JSON object.
	global row: event(info: osquery::ResultInfo, row: string);

	## What became of the query with that cookie on a host: ``done`` (run once, with so many rows), ``failed``, or ``note``.
	global answered_v1: event(host_id: string, cookie: string, outcome: string, rows: count, text: string);

	## Topics: what consoles say, and what one of them is told.
	global topic_requests: function(): string;
	global topic_client: function(client: string): string;
}

function topic_requests(): string
	{
	return osquery::TopicPrefix + "/console/requests";
	}

function topic_client(client: string): string
	{
	return osquery::TopicPrefix + "/console/client/" + client;
	}

event say_v1(client: string, number: count, items: vector of Item) &is_used
	{
	}
