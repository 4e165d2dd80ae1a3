##! ``osq-mounts.log``: mounted file systems.

@load ../framework

module osquery::logging::mounts;

export {
	redef enum Log::ID += { LOG };

	type Info: record {
		row: osquery::RowColumns &log;
		device: string &log;
		path: string &log;
		type_: string &log;
		flags: string &log;
	};

	global log_policy: Log::PolicyHook;

	## Whether rows are logged.
	option enabled = T;

	## Seconds between runs of the query.
	option query_interval = 60;

	## A row of the query.
	global row: event(info: osquery::ResultInfo, device: string, path: string, type_: string, flags: string);
}

event row(info: osquery::ResultInfo, device: string, path: string, type_: string, flags: string)
	{
	osquery::row_handled(info);
	if ( enabled )
		Log::write(LOG, Info($row=osquery::row_columns(info), $device=device, $path=path, $type_=type_, $flags=flags));
	}

function interval_changed(id: string, value: count): count
	{
	osquery::keep_interval("osq-mounts", value);
	return value;
	}

event zeek_init() &priority=10
	{
	osquery::create_row_log(LOG, Info, "osq-mounts", log_policy);
	Option::set_change_handler("osquery::logging::mounts::query_interval", interval_changed);
	}

event zeek_init()
	{
	osquery::count_rows("osq-mounts");
	osquery::keep_query([$ev=row, $query="SELECT device, path, type, flags FROM mounts",
	                     $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-mounts"]);
	}
