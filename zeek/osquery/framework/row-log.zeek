##! What the logs of rows have in common: their first columns, and queries whose interval can be changed at run time.

@load ./subscriptions
@load ./rows

module osquery;

export {
	## The first columns of each log of rows.
	type RowColumns: record {
		## When the row came in.
		ts: time &log;
		## When osquery ran the query, by the host's clock.
		host_time: time &log;
		## Id of the host.
		hid: string &log;
		hostname: string &log;
		## new, gone or snapshot.
		change: string &log;
		## The query's cookie.
		query_id: string &log;
		## The row's number on its host; a number that comes twice is a row that was sent twice.
		seq: count &log &optional;
	};

	## Those columns, for the row at hand.
	global row_columns: function(info: ResultInfo): RowColumns;

	## Creates a log whose record begins with ``row: osquery::RowColumns &log``; the prefix ``row.`` is left out.
	global create_row_log: function(id: Log::ID, columns: any, path: string, policy: Log::PolicyHook);

	## Subscribes to a query under its cookie, and unsubscribes from what had that cookie before.
	global keep_query: function(q: Query, target: Target &default=Target());

	## Unsubscribes from the query with that cookie.
	global drop_query: function(cookie: string);

	## Changes the interval of a query that :zeek:see:`osquery::keep_query` subscribed to.
	global keep_interval: function(cookie: string, inter: count);

	## An address as osquery writes it (perhaps with a zone, perhaps no address at all), as one or no address.
	global read_address: function(text: string): set[addr];

	## A port as osquery writes it: its number, and that of its protocol (6 is TCP, 17 UDP).
	global read_port: function(number: int, protocol: int): port;

	## Seconds since 1970.
	global read_time: function(seconds: int): time;

	## The Community ID of a connection, whichever end is given first; empty before Zeek 6.1, and
	## for protocols other than TCP, UDP and ICMP.
	global community_id: function(h: addr, p: port, other_h: addr, other_p: port): string;
}

const row_field_names = table(
	["row.ts"] = "ts",
	["row.host_time"] = "host_time",
	["row.hid"] = "hid",
	["row.hostname"] = "hostname",
	["row.change"] = "change",
	["row.query_id"] = "query_id",
	["row.seq"] = "seq",
);

function row_columns(info: ResultInfo): RowColumns
	{
	local columns = RowColumns($ts=network_time(), $host_time=host_time(), $hid=info$host,
	                           $hostname=osquery::hosts::hostname(info$host), $change=change(info),
	                           $query_id=info?$cookie ? info$cookie : "");
	local number = sequence();
	if ( number > 0 )
		columns$seq = number;

	return columns;
	}

function create_row_log(id: Log::ID, columns: any, path: string, policy: Log::PolicyHook)
	{
	Log::create_stream(id, [$columns=columns, $path=path, $policy=policy]);
	Log::remove_default_filter(id);
	Log::add_filter(id, [$name="default", $path=path, $field_name_map=row_field_names]);
	}

type KeptQuery: record {
	query: Query;
	target: Target;
};

global kept: table[string] of KeptQuery;

function drop_query(cookie: string)
	{
	if ( cookie !in kept )
		return;

	unsubscribe_from(kept[cookie]$query, kept[cookie]$target);
	delete kept[cookie];
	}

function keep_query(q: Query, target: Target)
	{
	drop_query(q$cookie);
	kept[q$cookie] = KeptQuery($query=q, $target=target);
	subscribe_to(q, target);
	}

function keep_interval(cookie: string, inter: count)
	{
	if ( cookie !in kept )
		return;

	local q = copy(kept[cookie]$query);
	q$inter = inter;
	keep_query(q, kept[cookie]$target);
	}

function read_address(text: string): set[addr]
	{
	local bare = split_string1(text, /%/)[0];
	return is_valid_ip(bare) ? set(to_addr(bare)) : set();
	}

function read_port(number: int, protocol: int): port
	{
	local transport = protocol == 6 ? tcp : ( protocol == 17 ? udp : ( protocol == 1 || protocol == 58 ? icmp : unknown_transport ) );
	return count_to_port(number < 0 || number > 65535 ? 0 : int_to_count(number), transport);
	}

function read_time(seconds: int): time
	{
	return double_to_time(seconds + 0.0);
	}

function community_id(h: addr, p: port, other_h: addr, other_p: port): string
	{
@ifdef ( community_id_v1 )
	# Of raw sockets and their likes there is none.
	if ( get_port_transport_proto(p) == unknown_transport )
		return "";

	return community_id_v1(conn_id($orig_h=h, $orig_p=p, $resp_h=other_h, $resp_p=other_p));
@else
	return "";
@endif
	}
