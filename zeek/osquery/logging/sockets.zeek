##! ``osq-sockets.log``: sockets and the processes that hold them.

@load ../framework

module osquery::logging::sockets;

export {
	redef enum Log::ID += { LOG };

	type Info: record {
		row: osquery::RowColumns &log;
		pid: int &log;
		fd: int &log;
		family: int &log;
		protocol: int &log;
		local_address: string &log;
		local_port: int &log;
		remote_address: string &log;
		remote_port: int &log;
		state: string &log;
	};

	global log_policy: Log::PolicyHook;

	## Whether rows are logged.
	option enabled = T;

	## Seconds between runs of the query.
	option query_interval = 10;

	## A row of the query.
	global row: event(info: osquery::ResultInfo, pid: int, fd: int, family: int, protocol: int, local_address: string, local_port: int, remote_address: string, remote_port: int, state: string);
}

event row(info: osquery::ResultInfo, pid: int, fd: int, family: int, protocol: int, local_address: string, local_port: int, remote_address: string, remote_port: int, state: string)
	{
	if ( enabled )
		Log::write(LOG, Info($row=osquery::row_columns(info), $pid=pid, $fd=fd, $family=family, $protocol=protocol, $local_address=local_address, $local_port=local_port, $remote_address=remote_address, $remote_port=remote_port, $state=state));
	}

function interval_changed(id: string, value: count): count
	{
	osquery::keep_interval("osq-sockets", value);
	return value;
	}

event zeek_init() &priority=10
	{
	osquery::create_row_log(LOG, Info, "osq-sockets", log_policy);
	Option::set_change_handler("osquery::logging::sockets::query_interval", interval_changed);
	}

event zeek_init()
	{
	osquery::keep_query([$ev=row, $query="SELECT pid, fd, family, protocol, local_address, local_port, remote_address, remote_port, state FROM process_open_sockets",
	                     $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-sockets"]);
	}
