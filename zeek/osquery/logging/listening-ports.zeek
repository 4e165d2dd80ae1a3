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
		## As osquery writes it.
		address: string &log;
		fd: int &log;
		## Of a local socket.
		path: string &log;
		## The same as Zeek has it.
		local_h: addr &log &optional;
		local_p: port &log &optional;
		process: string &log &optional;
		user: string &log &optional;
	};

	global log_policy: Log::PolicyHook;

	## Whether rows are logged.
	option enabled = T;

	## Seconds between runs of the query.
	option query_interval = 30;

	## A row of the query.
	global row: event(info: osquery::ResultInfo, pid: int, local_port: int, protocol: int, family: int,
	                  address: string, fd: int, path: string, name: string, username: string);
}

event row(info: osquery::ResultInfo, pid: int, local_port: int, protocol: int, family: int, address: string,
          fd: int, path: string, name: string, username: string)
	{
	osquery::row_handled(info);
	if ( ! enabled )
		return;

	local line = Info($row=osquery::row_columns(info), $pid=pid, $local_port=local_port, $protocol=protocol,
	                  $family=family, $address=address, $fd=fd, $path=path);
	for ( l in osquery::read_address(address) )
		line$local_h = l;
	if ( local_port > 0 )
		line$local_p = osquery::read_port(local_port, protocol);
	if ( name != "" )
		line$process = name;
	if ( username != "" )
		line$user = username;
	Log::write(LOG, line);
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
	osquery::count_rows("osq-listening-ports");
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-listening-ports",
	                     $query="SELECT l.pid, l.port, l.protocol, l.family, l.address, l.fd, l.path, p.name, u.username FROM listening_ports AS l LEFT JOIN processes AS p ON p.pid = l.pid LEFT JOIN users AS u ON u.uid = p.uid"]);
	}
