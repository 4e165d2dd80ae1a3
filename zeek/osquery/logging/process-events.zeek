##! ``osq-process-events.log``: each start of a process, where the host audits them (Linux and macOS).

@load ../framework

module osquery::logging::process_events;

export {
	redef enum Log::ID += { LOG };

	type Info: record {
		row: osquery::RowColumns &log;
		pid: int &log;
		parent: int &log;
		uid: int &log;
		gid: int &log;
		path: string &log;
		cmdline: string &log;
		time_: int &log;
	};

	global log_policy: Log::PolicyHook;

	## Whether rows are logged.
	option enabled = T;

	## Seconds between runs of the query.
	option query_interval = 10;

	## A row of the query.
	global row: event(info: osquery::ResultInfo, pid: int, parent: int, uid: int, gid: int, path: string, cmdline: string, time_: int);
}

event row(info: osquery::ResultInfo, pid: int, parent: int, uid: int, gid: int, path: string, cmdline: string, time_: int)
	{
	osquery::row_handled(info);
	if ( enabled )
		Log::write(LOG, Info($row=osquery::row_columns(info), $pid=pid, $parent=parent, $uid=uid, $gid=gid, $path=path, $cmdline=cmdline, $time_=time_));
	}

function interval_changed(id: string, value: count): count
	{
	osquery::keep_interval("osq-process-events", value);
	return value;
	}

event zeek_init() &priority=10
	{
	osquery::create_row_log(LOG, Info, "osq-process-events", log_policy);
	Option::set_change_handler("osquery::logging::process_events::query_interval", interval_changed);
	}

event zeek_init()
	{
	osquery::count_rows("osq-process-events");
	osquery::keep_query([$ev=row, $query="SELECT pid, parent, uid, gid, path, cmdline, time FROM process_events",
	                     $utype=osquery::ADD, $inter=query_interval, $cookie="osq-process-events"]);
	}
