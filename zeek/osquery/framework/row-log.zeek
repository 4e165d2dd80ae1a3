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
	global keep_query: function(q: Query);

	## Changes the interval of a query that :zeek:see:`osquery::keep_query` subscribed to.
	global keep_interval: function(cookie: string, inter: count);

	## An address as osquery writes it (perhaps with a zone, perhaps no address at all), as one or no address.
	global read_address: function(text: string): set[addr];
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

global kept: table[string] of Query;

function keep_query(q: Query)
	{
	if ( q$cookie in kept )
		unsubscribe(kept[q$cookie]);

	kept[q$cookie] = q;
	subscribe(q);
	}

function keep_interval(cookie: string, inter: count)
	{
	if ( cookie !in kept )
		return;

	local q = copy(kept[cookie]);
	q$inter = inter;
	keep_query(q);
	}

function read_address(text: string): set[addr]
	{
	local bare = split_string1(text, /%/)[0];
	return is_valid_ip(bare) ? set(to_addr(bare)) : set();
	}
