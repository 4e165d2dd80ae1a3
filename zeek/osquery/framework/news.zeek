##! Tells what has changed on a host from what was there when its query ran first. Rows don't say which they are, so the
##! query itself does: it ends in a row of nothing (``UNION ALL SELECT '', ''``), which comes with every first run, and
##! no row of the same run is news.

@load ./subscriptions
@load ./rows

module osquery;

export {
	## Whether the row at hand is news. ``is_marker``: it is the row of nothing, which never is. A row that comes before
	## the marker of its own run does count as news where an earlier run is known.
	global is_news: function(info: ResultInfo, is_marker: bool): bool;

	## Since when a host's query is known here: the time of its first run, by the host's clock. Unset before.
	global known_since: function(host: string, cookie: string): time;
}

# Of each host and cookie the time of the run that rows were there at.
global first_runs: table[string] of table[string] of time;

function known_since(host: string, cookie: string): time
	{
	if ( host in first_runs && cookie in first_runs[host] )
		return first_runs[host][cookie];

	return double_to_time(0.0);
	}

function is_news(info: ResultInfo, is_marker: bool): bool
	{
	local cookie = info?$cookie ? info$cookie : "";
	local at = host_time();
	if ( info$host !in first_runs )
		first_runs[info$host] = table();

	local runs = first_runs[info$host];
	# A marker that goes, goes with its query.
	if ( cookie !in runs || ( is_marker && info$utype != REMOVE ) )
		runs[cookie] = at;

	return ! is_marker && at > runs[cookie];
	}

event osquery::host_forgotten(host_id: string)
	{
	delete first_runs[host_id];
	}
