##! ``osq-processes.log``: processes as they start and end.

@load ../framework

module osquery::logging::processes;

export {
	redef enum Log::ID += { LOG };

	type Info: record {
		row: osquery::RowColumns &log;
		pid: int &log;
		parent: int &log;
		uid: int &log;
		gid: int &log;
		name: string &log;
		path: string &log;
		cmdline: string &log;
		cwd: string &log;
		start_time: int &log;
	};

	global log_policy: Log::PolicyHook;

	## Whether rows are logged.
	option enabled = T;

	## Seconds between runs of the query.
	option query_interval = 10;

	## A row of the query.
	global row: event(info: osquery::ResultInfo, pid: int, parent: int, uid: int, gid: int, name: string, path: string, cmdline: string, cwd: string, start_time: int);
}

event row(info: osquery::ResultInfo, pid: int, parent: int, uid: int, gid: int, name: string, path: string, cmdline: string, cwd: string, start_time: int)
	{
	osquery::row_handled(info);
	if ( enabled )
		Log::write(LOG, Info($row=osquery::row_columns(info), $pid=pid, $parent=parent, $uid=uid, $gid=gid, $name=name, $path=path, $cmdline=cmdline, $cwd=cwd, $start_time=start_time));
	}

function interval_changed(id: string, value: count): count
	{
	osquery::keep_interval("osq-processes", value);
	return value;
	}

event zeek_init() &priority=10
	{
	osquery::create_row_log(LOG, Info, "osq-processes", log_policy);
	Option::set_change_handler("osquery::logging::processes::query_interval", interval_changed);
	}

event zeek_init()
	{
	osquery::count_rows("osq-processes");
	osquery::keep_query([$ev=row, $query="SELECT pid, parent, uid, gid, name, path, cmdline, cwd, start_time FROM processes",
	                     $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-processes"]);
	}
