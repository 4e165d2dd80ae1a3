##! ``osq-files.log``: changes of the files that the host watches (``--enable_file_events`` and ``file_paths``).

@load ../framework

module osquery::logging::files;

export {
	redef enum Log::ID += { LOG };

	type Info: record {
		row: osquery::RowColumns &log;
		path: string &log;
		action: string &log;
		## Its key under ``file_paths``.
		category: string &log;
		size: int &log;
		mode: string &log &optional;
		## Owner of the file.
		uid: int &log;
		mtime: time &log &optional;
		sha256: string &log &optional;
		## When it happened.
		changed: time &log &optional;
	};

	global log_policy: Log::PolicyHook;

	## Whether rows are logged.
	option enabled = T;

	## Seconds between runs of the query.
	option query_interval = 10;

	## A row of the query.
	global row: event(info: osquery::ResultInfo, path: string, action: string, category: string, size: int,
	                  mode: string, uid: int, mtime: int, sha256: string, at: int);
}

event row(info: osquery::ResultInfo, path: string, action: string, category: string, size: int, mode: string,
          uid: int, mtime: int, sha256: string, at: int)
	{
	osquery::row_handled(info);
	if ( ! enabled )
		return;

	local line = Info($row=osquery::row_columns(info), $path=path, $action=action, $category=category, $size=size,
	                  $uid=uid);
	if ( mode != "" )
		line$mode = mode;
	if ( mtime > 0 )
		line$mtime = osquery::read_time(mtime);
	if ( sha256 != "" )
		line$sha256 = sha256;
	if ( at > 0 )
		line$changed = osquery::read_time(at);
	Log::write(LOG, line);
	}

function interval_changed(id: string, value: count): count
	{
	osquery::keep_interval("osq-files", value);
	return value;
	}

event zeek_init() &priority=10
	{
	osquery::create_row_log(LOG, Info, "osq-files", log_policy);
	Option::set_change_handler("osquery::logging::files::query_interval", interval_changed);
	}

event zeek_init()
	{
	osquery::count_rows("osq-files");
	osquery::keep_query([$ev=row, $utype=osquery::ADD, $inter=query_interval, $cookie="osq-files",
	                     $query="SELECT target_path AS path, action, category, size, mode, uid, mtime, sha256, time AS at FROM file_events"],
	                    osquery::Target($platforms=set("linux", "darwin")));
	}
