##! How busy hosts are, and what they have warned of lately.

@load ./clients

module osquery::console;

export {
	type Activity: record {
		## When its connection began.
		since: time &optional;
		## Rows that it has sent since this Zeek started, as far as they were counted; unset: none were.
		rows: count &optional;
		## Rows a second when it was last reckoned, and what has come since.
		rate: double &default=0.0;
		recent: count &default=0;
		recent_since: time;
		## From osquery's run to this Zeek, of the newest row that was counted; by the host's clock.
		lag: interval &optional;
		warnings: vector of Item &default=vector();
	};

	## By id of the host.
	global activity: table[string] of Activity;

	## Warnings and errors of hosts since this Zeek started.
	global warnings_total: count = 0;

	## Rows of a host have come, the newest of them of that run of osquery.
	global count_rows: function(host_id: string, rows: count, newest: time);

	## Rows a second of a host.
	global rate_of: function(a: Activity): double;
}

# Warnings that are kept of a host, and the shortest time that a rate is reckoned over.
const kept_warnings = 10;
const rate_time = 10sec;

function activity_of(host_id: string): Activity
	{
	if ( host_id !in activity )
		activity[host_id] = Activity($recent_since=current_time());

	return activity[host_id];
	}

function rate_of(a: Activity): double
	{
	local elapsed = current_time() - a$recent_since;
	if ( elapsed >= rate_time )
		{
		a$rate = a$recent / interval_to_double(elapsed);
		a$recent = 0;
		a$recent_since = current_time();
		}

	return a$rate;
	}

function count_rows(host_id: string, rows: count, newest: time)
	{
	local a = activity_of(host_id);
	rate_of(a);
	a$rows = ( a?$rows ? a$rows : 0 ) + rows;
	a$recent += rows;
	a$lag = current_time() - newest;
	}

function warned(host_id: string, level: string, msg: string)
	{
	if ( ! osquery::is_owner() )
		return;

	++warnings_total;
	local a = activity_of(host_id);
	a$warnings += Item($request="", $kind=level, $host=host_id, $number=0, $at=current_time(),
	                   $text=shortened(msg, 2000), $detail="");
	if ( |a$warnings| > kept_warnings )
		a$warnings = a$warnings[1:];
	}

event osquery::hosts::host_warning(host_id: string, msg: string)
	{
	warned(host_id, "warning", msg);
	}

event osquery::hosts::host_error(host_id: string, msg: string)
	{
	warned(host_id, "error", msg);
	}

event osquery::hosts::host_gap(host_id: string, first: count, last: count, rows: count, reason: string)
	{
	warned(host_id, "error", fmt("%d rows are lost: %s", rows, reason));
	}

event osquery::host_connected(host_id: string)
	{
	if ( osquery::is_owner() )
		activity_of(host_id)$since = current_time();
	}

event osquery::host_forgotten(host_id: string)
	{
	delete activity[host_id];
	}
