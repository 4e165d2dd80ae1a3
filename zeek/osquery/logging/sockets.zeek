##! ``osq-sockets.log``: connected and listening sockets, with the process that holds each, its user and its parent, and the
##! Community ID that ``conn.log`` has where Zeek's Community ID logging is loaded.

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
		## As osquery writes it.
		local_address: string &log;
		local_port: int &log;
		remote_address: string &log;
		remote_port: int &log;
		state: string &log;
		## The same as Zeek has it.
		local_h: addr &log &optional;
		local_p: port &log &optional;
		remote_h: addr &log &optional;
		remote_p: port &log &optional;
		process: string &log &optional;
		user: string &log &optional;
		parent: int &log;
		parent_process: string &log &optional;
		## Of connected sockets.
		community_id: string &log &optional;
	};

	global log_policy: Log::PolicyHook;

	## Whether rows are logged.
	option enabled = T;

	## Seconds between runs of the query.
	option query_interval = 10;

	## A row of the query.
	global row: event(info: osquery::ResultInfo, pid: int, fd: int, family: int, protocol: int,
	                  local_address: string, local_port: int, remote_address: string, remote_port: int,
	                  state: string, name: string, username: string, parent: int, parent_name: string);
}

event row(info: osquery::ResultInfo, pid: int, fd: int, family: int, protocol: int, local_address: string,
          local_port: int, remote_address: string, remote_port: int, state: string, name: string, username: string,
          parent: int, parent_name: string)
	{
	osquery::row_handled(info);
	if ( ! enabled )
		return;

	local line = Info($row=osquery::row_columns(info), $pid=pid, $fd=fd, $family=family, $protocol=protocol,
	                  $local_address=local_address, $local_port=local_port, $remote_address=remote_address,
	                  $remote_port=remote_port, $state=state, $parent=parent);
	for ( l in osquery::read_address(local_address) )
		line$local_h = l;
	if ( local_port > 0 )
		line$local_p = osquery::read_port(local_port, protocol);
	for ( r in osquery::read_address(remote_address) )
		line$remote_h = r;
	if ( remote_port > 0 )
		line$remote_p = osquery::read_port(remote_port, protocol);
	if ( name != "" )
		line$process = name;
	if ( username != "" )
		line$user = username;
	if ( parent_name != "" )
		line$parent_process = parent_name;
	if ( line?$local_h && line?$local_p && line?$remote_h && line?$remote_p )
		{
		local id = osquery::community_id(line$local_h, line$local_p, line$remote_h, line$remote_p);
		if ( id != "" )
			line$community_id = id;
		}

	Log::write(LOG, line);
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
	osquery::count_rows("osq-sockets");
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-sockets",
	                     $query="SELECT s.pid, s.fd, s.family, s.protocol, s.local_address, s.local_port, s.remote_address, s.remote_port, s.state, p.name, u.username, p.parent, pp.name AS parent_name FROM process_open_sockets AS s LEFT JOIN processes AS p ON p.pid = s.pid LEFT JOIN users AS u ON u.uid = p.uid LEFT JOIN processes AS pp ON pp.pid = p.parent WHERE s.family IN (2, 10, 23, 30)"]);
	}
