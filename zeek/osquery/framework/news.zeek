##! Tells what has changed on a host from what was there when its query ran first. Rows don't say which they are, so the
##! query itself does: it begins with a row of nothing (``SELECT CAST('' AS TEXT) AS name UNION ALL SELECT ...``), which comes
##! with every first run, and no row of the same run is news. There may be several first runs: osquery tells all rows anew
##! when its database or the extension's state is lost.

@load ./subscriptions
@load ./rows

module osquery;

export {
	## Whether the row at hand is news. ``is_marker``: it is the row of nothing, which never is.
	global is_news: function(info: ResultInfo, is_marker: bool): bool;

	## The time of the last first run of a host's query, by the host's clock; 0 before there is one.
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
