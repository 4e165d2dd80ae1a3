##! ``osq-system-logs.log``: lines of the system's log, where osquery gets them (Linux: ``--enable_syslog``; Windows: ``--enable_windows_events_publisher``).

@load ../framework

module osquery::logging::system_logs;

export {
	redef enum Log::ID += { LOG };

	type Info: record {
		row: osquery::RowColumns &log;
		## When the line was written.
		log_time: time &log &optional;
		## Syslog's, or the level of Windows.
		severity: int &log;
		## Syslog's, or the channel of Windows.
		facility: string &log &optional;
		## The program, or the provider of Windows.
		tag: string &log &optional;
		message: string &log;
	};

	global log_policy: Log::PolicyHook;

	## Whether rows are logged.
	option enabled = T;

	## Seconds between runs of the queries.
	option query_interval = 10;

	## A row of the queries.
	global row: event(info: osquery::ResultInfo, at: int, severity: int, facility: string, tag: string,
	                  message: string);
}

event row(info: osquery::ResultInfo, at: int, severity: int, facility: string, tag: string, message: string)
	{
	osquery::row_handled(info);
	if ( ! enabled )
		return;

	local line = Info($row=osquery::row_columns(info), $severity=severity, $message=message);
	if ( at > 0 )
		line$log_time = osquery::read_time(at);
	if ( facility != "" )
		line$facility = facility;
	if ( tag != "" )
		line$tag = tag;
	Log::write(LOG, line);
	}

function interval_changed(id: string, value: count): count
	{
	for ( cookie in set("osq-system-logs-linux", "osq-system-logs-windows") )
		osquery::keep_interval(cookie, value);
	return value;
	}

event zeek_init() &priority=10
	{
	osquery::create_row_log(LOG, Info, "osq-system-logs", log_policy);
	Option::set_change_handler("osquery::logging::system_logs::query_interval", interval_changed);
	}

event zeek_init()
	{
	osquery::count_rows("osq-system-logs-linux");
	osquery::keep_query([$ev=row, $utype=osquery::ADD, $inter=query_interval, $cookie="osq-system-logs-linux",
	                     $query="SELECT time AS at, severity, facility, tag, message FROM syslog_events"],
	                    osquery::Target($platforms=set("linux")));
	osquery::count_rows("osq-system-logs-windows");
	osquery::keep_query([$ev=row, $utype=osquery::ADD, $inter=query_interval, $cookie="osq-system-logs-windows",
	                     $query="SELECT time AS at, level AS severity, source AS facility, provider_name AS tag, data AS message FROM windows_events"],
	                    osquery::Target($platforms=set("windows")));
	}
