##! What scripts that use osquery work with: queries, results, events about hosts. Names and meanings are those of
##! zeek-osquery (2018 to 2020).

@load ./options

module osquery;

export {
	## Which rows of a query are wanted; in a result, what a row says of itself.
	type UpdateType: enum {
		ADD,	##< Rows that are new.
		REMOVE,	##< Rows that are gone.
		BOTH,	##< Rows that are new and rows that are gone.
		SNAPSHOT,	##< All rows, at each run.
	};

	## A query and what is to become of its rows.
	type Query: record {
		## The SQL statement.
		query: string;
		## Which rows are wanted.
		utype: UpdateType &default=ADD;
		## Seconds between runs, from 1 to 604800. Default: :zeek:see:`osquery::default_interval`.
		inter: count &optional;
		## Topic for the rows; empty: this Zeek's own.
		resT: string &default="";
		## The event to raise for each row: ``event(info: osquery::ResultInfo, ...)``, one more argument a column,
		## in the order of the query.
		ev: any &optional;
		## Comes back with each row.
		cookie: string &default="";
	};

	## What each row says of itself.
	type ResultInfo: record {
		## Id of the host.
		host: string;
		## What became of the row.
		utype: UpdateType;
		## The query's cookie.
		cookie: string &optional;
	};

	## A host has connected, or connected again.
	global host_connected: event(host_id: string);

	## A host has gone.
	global host_disconnected: event(host_id: string);

	## A host that has been gone for :zeek:see:`osquery::forget_hosts_after` is forgotten: whatever is kept of it can go.
	global host_forgotten: event(host_id: string);

	## Another Zeek has come or gone. Kept for scripts that handle it; Zeeks no longer share subscriptions, because
	## a host serves each of them by itself.
	global bro_connected: event(bro_id: string);
	global bro_disconnected: event(bro_id: string);

	## Whether two queries are the same but for their cookies.
	global same_event: function(q1: Query, q2: Query): bool;

	## The name of an event that is held in an ``any``.
	global event_name: function(ev: any): string;
}

event host_connected(host_id: string) &is_used
	{
	}

event host_disconnected(host_id: string) &is_used
	{
	}

event host_forgotten(host_id: string) &is_used
	{
	}

event bro_connected(bro_id: string) &is_used
	{
	}

event bro_disconnected(bro_id: string) &is_used
	{
	}

function event_name(ev: any): string
	{
	# Zeek prints an event as its name, its type and its bodies: "Mod::ev: event(...)\n{ ... }".
	return split_string1(fmt("%s", ev), /:?[^A-Za-z0-9_:]/)[0];
	}

function same_event(q1: Query, q2: Query): bool
	{
	if ( q1?$ev != q2?$ev || ( q1?$ev && event_name(q1$ev) != event_name(q2$ev) ) )
		return F;

	if ( q1?$inter != q2?$inter || ( q1?$inter && q1$inter != q2$inter ) )
		return F;

	return q1$query == q2$query && q1$utype == q2$utype && q1$resT == q2$resT;
	}
