##! ``osq-users.log``: accounts.

@load ../framework

module osquery::logging::users;

export {
	redef enum Log::ID += { LOG };

	type Info: record {
		row: osquery::RowColumns &log;
		uid: int &log;
		gid: int &log;
		username: string &log;
		description: string &log;
		directory: string &log;
		shell: string &log;
	};

	global log_policy: Log::PolicyHook;

	## Whether rows are logged.
	option enabled = T;

	## Seconds between runs of the query.
	option query_interval = 60;

	## A row of the query.
	global row: event(info: osquery::ResultInfo, uid: int, gid: int, username: string, description: string, directory: string, shell: string);
}

event row(info: osquery::ResultInfo, uid: int, gid: int, username: string, description: string, directory: string, shell: string)
	{
	osquery::row_handled(info);
	if ( enabled )
		Log::write(LOG, Info($row=osquery::row_columns(info), $uid=uid, $gid=gid, $username=username, $description=description, $directory=directory, $shell=shell));
	}

function interval_changed(id: string, value: count): count
	{
	osquery::keep_interval("osq-users", value);
	return value;
	}

event zeek_init() &priority=10
	{
	osquery::create_row_log(LOG, Info, "osq-users", log_policy);
	Option::set_change_handler("osquery::logging::users::query_interval", interval_changed);
	}

event zeek_init()
	{
	osquery::count_rows("osq-users");
	osquery::keep_query([$ev=row, $query="SELECT uid, gid, username, description, directory, shell FROM users",
	                     $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-users"]);
	}
