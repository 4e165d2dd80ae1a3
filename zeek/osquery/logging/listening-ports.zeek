##! ``osq-listening-ports.log``: ports that processes listen on.

@load ../framework

module osquery::logging::listening_ports;

export {
	redef enum Log::ID += { LOG };

	type Info: record {
		row: osquery::RowColumns &log;
		pid: int &log;
		local_port: int &log;
		protocol: int &log;
		family: int &log;
		address: string &log;
		fd: int &log;
		path: string &log;
	};

	global log_policy: Log::PolicyHook;

	## Whether rows are logged.
	option enabled = T;

	## Seconds between runs of the query.
	option query_interval = 30;

	## A row of the query.
	global row: event(info: osquery::ResultInfo, pid: int, local_port: int, protocol: int, family: int, address: string, fd: int, path: string);
}

event row(info: osquery::ResultInfo, pid: int, local_port: int, protocol: int, family: int, address: string, fd: int, path: string)
	{
	if ( enabled )
		Log::write(LOG, Info($row=osquery::row_columns(info), $pid=pid, $local_port=local_port, $protocol=protocol, $family=family, $address=address, $fd=fd, $path=path));
	}

function interval_changed(id: string, value: count): count
	{
	osquery::keep_interval("osq-listening-ports", value);
	return value;
	}

event zeek_init() &priority=10
	{
	osquery::create_row_log(LOG, Info, "osq-listening-ports", log_policy);
	Option::set_change_handler("osquery::logging::listening_ports::query_interval", interval_changed);
	}

event zeek_init()
	{
	osquery::keep_query([$ev=row, $query="SELECT pid, port, protocol, family, address, fd, path FROM listening_ports",
	                     $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-listening-ports"]);
	}
