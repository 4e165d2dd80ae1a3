##! ``osq-logins.log``: who has logged in, from where.
##! Logins of the last ten minutes: a host that comes up doesn't tell its whole past.

@load ../framework

module osquery::logging::logins;

export {
	redef enum Log::ID += { LOG };

	type Info: record {
		row: osquery::RowColumns &log;
		user: string &log;
		## Terminal, or number of the session (Windows).
		tty: string &log &optional;
		pid: int &log;
		## What osquery calls the record: user-process, RemoteInteractive and so on.
		kind: string &log;
		login_time: time &log &optional;
		## Where from, as the host knows it.
		remote_host: string &log &optional;
		## The same if it is an address.
		remote_h: addr &log &optional;
	};

	global log_policy: Log::PolicyHook;

	## Whether rows are logged.
	option enabled = T;

	## Seconds between runs of the queries.
	option query_interval = 30;

	## A row of the queries.
	global row: event(info: osquery::ResultInfo, user: string, tty: string, pid: int, kind: string, at: int,
	                  from: string);
}

event row(info: osquery::ResultInfo, user: string, tty: string, pid: int, kind: string, at: int, from: string)
	{
	osquery::row_handled(info);
	if ( ! enabled )
		return;

	local line = Info($row=osquery::row_columns(info), $user=user, $pid=pid, $kind=kind);
	if ( tty != "" )
		line$tty = tty;
	if ( at > 0 )
		line$login_time = osquery::read_time(at);
	if ( from != "" )
		line$remote_host = from;
	for ( a in osquery::read_address(from) )
		line$remote_h = a;
	Log::write(LOG, line);
	}

function interval_changed(id: string, value: count): count
	{
	for ( cookie in set("osq-logins-unix", "osq-logins-windows") )
		osquery::keep_interval(cookie, value);
	return value;
	}

event zeek_init() &priority=10
	{
	osquery::create_row_log(LOG, Info, "osq-logins", log_policy);
	Option::set_change_handler("osquery::logging::logins::query_interval", interval_changed);
	}

event zeek_init()
	{
	osquery::count_rows("osq-logins-unix");
	osquery::keep_query([$ev=row, $utype=osquery::ADD, $inter=query_interval, $cookie="osq-logins-unix",
	                     $query="SELECT username AS user, tty, pid, type_name AS kind, time AS at, host AS `from` FROM last WHERE type = 7 AND time > (SELECT unix_time - 600 FROM time)"],
	                    osquery::Target($platforms=set("linux", "darwin")));
	osquery::count_rows("osq-logins-windows");
	osquery::keep_query([$ev=row, $utype=osquery::ADD, $inter=query_interval, $cookie="osq-logins-windows",
	                     $query="SELECT user, CAST(session_id AS TEXT) AS tty, CAST(0 AS BIGINT) AS pid, logon_type AS kind, logon_time AS at, dns_domain_name AS `from` FROM logon_sessions WHERE logon_time > (SELECT unix_time - 600 FROM time)"],
	                    osquery::Target($platforms=set("windows")));
	}
