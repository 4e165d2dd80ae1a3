##! ``osq-services.log``: services of systemd, launchd and Windows.

@load ../framework

module osquery::logging::services;

export {
	redef enum Log::ID += { LOG };

	type Info: record {
		row: osquery::RowColumns &log;
		name: string &log;
		description: string &log &optional;
		## What it does now: active, RUNNING, …
		state: string &log;
		## How it begins: enabled, AUTO_START, …
		start: string &log &optional;
		## The unit's file, or the program.
		path: string &log &optional;
		user: string &log &optional;
	};

	global log_policy: Log::PolicyHook;

	## Whether rows are logged.
	option enabled = T;

	## Seconds between runs of the queries.
	option query_interval = 300;

	## A row of the queries.
	global row: event(info: osquery::ResultInfo, name: string, description: string, state_: string, start: string,
	                  path: string, user: string);
}

event row(info: osquery::ResultInfo, name: string, description: string, state_: string, start: string, path: string,
          user: string)
	{
	osquery::row_handled(info);
	if ( ! enabled )
		return;

	local line = Info($row=osquery::row_columns(info), $name=name, $state=state_);
	if ( description != "" )
		line$description = description;
	if ( start != "" )
		line$start = start;
	if ( path != "" )
		line$path = path;
	if ( user != "" )
		line$user = user;
	Log::write(LOG, line);
	}

function interval_changed(id: string, value: count): count
	{
	for ( cookie in set("osq-services-systemd", "osq-services-launchd", "osq-services-windows") )
		osquery::keep_interval(cookie, value);
	return value;
	}

event zeek_init() &priority=10
	{
	osquery::create_row_log(LOG, Info, "osq-services", log_policy);
	Option::set_change_handler("osquery::logging::services::query_interval", interval_changed);
	}

event zeek_init()
	{
	osquery::count_rows("osq-services-systemd");
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-services-systemd",
	                     $query="SELECT id AS name, description, active_state AS state, unit_file_state AS start, fragment_path AS path, user FROM systemd_units WHERE id LIKE '%.service' OR id LIKE '%.timer' OR id LIKE '%.socket'"],
	                    osquery::Target($platforms=set("linux")));
	osquery::count_rows("osq-services-launchd");
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-services-launchd",
	                     $query="SELECT label AS name, CAST('' AS TEXT) AS description, CAST('' AS TEXT) AS state, run_at_load AS start, program AS path, username AS user FROM launchd"],
	                    osquery::Target($platforms=set("darwin")));
	osquery::count_rows("osq-services-windows");
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-services-windows",
	                     $query="SELECT name, display_name AS description, status AS state, start_type AS start, path, user_account AS user FROM services"],
	                    osquery::Target($platforms=set("windows")));
	}
