##! What is asked of the hosts, and the rows that come.

@load ./cluster
@load ./processes

module osquery::attribution;

export {
	## A socket that comes or goes.
	global socket_row: event(info: osquery::ResultInfo, pid: int, fd: int, protocol: int, local_address: string,
	                         local_port: int, remote_address: string, remote_port: int, name: string, path: string,
	                         username: string);

	## A socket of a process that has just connected, seen once.
	global seen_row: event(info: osquery::ResultInfo, pid: int, fd: int, protocol: int, local_address: string,
	                       local_port: int, remote_address: string, remote_port: int, name: string, path: string,
	                       username: string);

	## A connect, accept or bind that was audited. ``name``, ``current_path`` and ``username`` are of the process with
	## this pid when the query ran, perhaps none or another.
	global socket_event_row: event(info: osquery::ResultInfo, eid: string, action: string, pid: int, fd: string, path: string,
	                               status: string, local_port: int, remote_address: string, remote_port: int,
	                               event_time: int, name: string, current_path: string, username: string);

	## A process that has begun to run a program.
	global process_event_row: event(info: osquery::ResultInfo, pid: int, path: string, event_time: int, username: string);

	## A process in another network namespace than osqueryd's.
	global foreign_row: event(info: osquery::ResultInfo, pid: int);

	## A process and a child of the same program.
	global forking_row: event(info: osquery::ResultInfo, pid: int, parent: int);
}

# Rows of events that have come: a row may come twice.
global events_seen: set[string] &create_expire=5min;

# The parent and the children of a process that run the same program, by host and process.
global relatives: table[string] of table[int] of set[int];

# Owners that many sockets have are kept once.
global owners: table[string] of Owner &read_expire=1hr;

function owner_of(hid: string, pid: int, name: string, path: string, user: string): Owner
	{
	local key = fmt("%s|%d|%s|%s|%s", hid, pid, name, path, user);
	if ( key in owners )
		return owners[key];

	local owner = Owner($hid=hid, $hostname=osquery::hosts::hostname(hid), $pid=pid, $process=name, $path=path);
	if ( user != "" )
		owner$user = user;

	owners[key] = owner;
	return owner;
	}

# An address as osquery writes it; none for "any address" and for what is no address.
function bound(text: string): set[addr]
	{
	local read = osquery::read_address(text);
	for ( any_address in set(0.0.0.0, [::]) )
		if ( any_address in read )
			return set();

	return read;
	}

function read_socket(owner: Owner, protocol: int, local_address: string, local_port: int, remote_address: string,
                     remote_port: int, at: time): Socket
	{
	local s = Socket($owner=owner, $local_p=osquery::read_port(local_port, protocol),
	                 $remote_p=osquery::read_port(remote_port, protocol), $first=at,
	                 $any_v4=local_address == "0.0.0.0");
	for ( l in bound(local_address) )
		s$local_h = l;
	if ( remote_port > 0 )
		for ( r in bound(remote_address) )
			s$remote_h = r;

	return s;
	}

event socket_row(info: osquery::ResultInfo, pid: int, fd: int, protocol: int, local_address: string, local_port: int,
                 remote_address: string, remote_port: int, name: string, path: string, username: string)
	{
	note_clock(info$host, osquery::host_time());
	local at = zeek_time(info$host, osquery::host_time());
	local s = read_socket(owner_of(info$host, pid, name, path, username), protocol, local_address, local_port,
	                      remote_address, remote_port, at);
	# It was there at the poll before, and not at this one.
	if ( info$utype == osquery::REMOVE )
		s$last = at - query_interval * 1sec;

	local key = fmt("%s|%d|%d|%d|%s|%d|%s|%d", info$host, pid, fd, protocol, local_address, local_port, remote_address,
	                remote_port);
	tell_socket(key, s, info$utype != osquery::REMOVE);
	}

event seen_row(info: osquery::ResultInfo, pid: int, fd: int, protocol: int, local_address: string, local_port: int,
               remote_address: string, remote_port: int, name: string, path: string, username: string)
	{
	note_clock(info$host, osquery::host_time());
	local at = zeek_time(info$host, osquery::host_time());
	local s = read_socket(owner_of(info$host, pid, name, path, username), protocol, local_address, local_port,
	                      remote_address, remote_port, at);
	s$last = at;
	s$connected_by_owner = T;
	if ( s?$remote_h && s?$local_h )
		tell_socket(fmt("%s|%d|%d|%d|%s|%d|%s|%d|connected", info$host, pid, fd, protocol, local_address, local_port,
		                remote_address, remote_port), s, T);
	}

function base_name(path: string): string
	{
	local parts = split_string(path, /\//);
	return parts[|parts| - 1];
	}

event socket_event_row(info: osquery::ResultInfo, eid: string, action: string, pid: int, fd: string, path: string,
                       status: string, local_port: int, remote_address: string, remote_port: int, event_time: int,
                       name: string, current_path: string, username: string)
	{
	local hid = info$host;
	local row = fmt("%s|%s|%d|%d", hid, eid, event_time, pid);
	if ( row in events_seen || status == "failed" || status == "no_client" )
		return;

	add events_seen[row];
	note_clock(hid, osquery::host_time());
	local told = osquery::read_time(event_time);
	note_told(hid, told);
	if ( action == "bind" )
		{
		if ( local_port > 0 && local_port <= 65535 )
			note_bind(hid, pid, fd, int_to_count(local_port));
		return;
		}

	# The pid may be another process by now, or the process may run another program.
	local same = current_path == path;
	local user = same ? username : user_of(hid, pid, path, zeek_time(hid, told));
	local owner = owner_of(hid, pid, same && name != "" ? name : base_name(path), path, user);
	if ( remote_port <= 0 || remote_port > 65535 )
		return;

	for ( r in bound(remote_address) )
		if ( action == "accept" )
			{
			local at = zeek_time(hid, told);
			note_accept(owner, r, count_to_port(int_to_count(remote_port), tcp),
			            earliest_in_batch(hid, at) - clock_tolerance, at + 1sec + clock_tolerance);
			}
		else
			note_connect(owner, fd, r, int_to_count(remote_port), told, status == "in_progress");
	}

event process_event_row(info: osquery::ResultInfo, pid: int, path: string, event_time: int, username: string)
	{
	note_clock(info$host, osquery::host_time());
	local told = osquery::read_time(event_time);
	note_told(info$host, told);
	note_start(info$host, pid, path, username, zeek_time(info$host, told));
	}

event foreign_row(info: osquery::ResultInfo, pid: int)
	{
	tell_process("foreign", info$host, pid, info$utype != osquery::REMOVE);
	}

function note_relative(hid: string, pid: int, relative: int, present: bool)
	{
	if ( hid !in relatives )
		relatives[hid] = table();
	if ( pid !in relatives[hid] )
		relatives[hid][pid] = set();

	if ( present )
		add relatives[hid][pid][relative];
	else
		delete relatives[hid][pid][relative];

	tell_process("forking", hid, pid, |relatives[hid][pid]| > 0);
	if ( |relatives[hid][pid]| == 0 )
		delete relatives[hid][pid];
	}

event forking_row(info: osquery::ResultInfo, pid: int, parent: int)
	{
	note_relative(info$host, pid, parent, info$utype != osquery::REMOVE);
	note_relative(info$host, parent, pid, info$utype != osquery::REMOVE);
	}

event osquery::host_disconnected(host_id: string)
	{
	# It will tell them anew.
	delete relatives[host_id];
	}

# Between two polls, a few times.
function seen_interval(poll: count): count
	{
	return poll < 10 ? 2 : poll / 5;
	}

function interval_changed(id: string, value: count): count
	{
	osquery::keep_interval("osquery-attribution", value);
	osquery::keep_interval("osquery-attribution-forking", value);
	osquery::keep_interval("osquery-attribution-seen", seen_interval(value));
	osquery::keep_interval("osquery-attribution-foreign", value);
	return value;
	}

function event_interval_changed(id: string, value: count): count
	{
	osquery::keep_interval("osquery-attribution-events", value);
	osquery::keep_interval("osquery-attribution-processes", value);
	return value;
	}

event zeek_init()
	{
	Option::set_change_handler("osquery::attribution::query_interval", interval_changed);
	Option::set_change_handler("osquery::attribution::event_interval", event_interval_changed);

	osquery::keep_query([$ev=socket_row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osquery-attribution",
	                     $query="SELECT s.pid, s.fd, s.protocol, s.local_address, s.local_port, s.remote_address, s.remote_port, p.name, p.path, u.username FROM process_open_sockets AS s JOIN processes AS p ON s.pid = p.pid LEFT JOIN users AS u ON p.uid = u.uid WHERE s.pid > 0 AND s.protocol IN (6, 17)"]);
	osquery::keep_query([$ev=forking_row, $utype=osquery::BOTH, $inter=query_interval,
	                     $cookie="osquery-attribution-forking",
	                     $query="SELECT p.pid, p.parent FROM processes AS p JOIN processes AS q ON q.pid = p.parent AND q.path = p.path WHERE p.path != ''"]);

	if ( ! use_socket_events )
		return;

	local linux = osquery::Target($platforms=set("linux"));
	osquery::keep_query([$ev=socket_event_row, $utype=osquery::ADD, $inter=event_interval,
	                     $cookie="osquery-attribution-events",
	                     $query="SELECT e.eid, e.action, e.pid, e.fd, e.path, e.status, e.local_port, e.remote_address, e.remote_port, e.time, p.name, p.path AS current_path, u.username FROM socket_events AS e LEFT JOIN processes AS p ON p.pid = e.pid LEFT JOIN users AS u ON u.uid = p.uid WHERE e.action IN ('connect', 'accept', 'bind')"], linux);
	# The sockets that have just been connected, while they live: a connection that is shorter than a poll is exact, too.
	# They are read once, and only where there was a connect.
	if ( query_interval > 2 )
		osquery::keep_query([$ev=seen_row, $utype=osquery::ADD, $inter=seen_interval(query_interval),
		                     $cookie="osquery-attribution-seen",
		                     $query="WITH e AS MATERIALIZED (SELECT DISTINCT pid, fd FROM socket_events WHERE action = 'connect') SELECT s.pid, s.fd, s.protocol, s.local_address, s.local_port, s.remote_address, s.remote_port, p.name, p.path, u.username FROM (SELECT 1 FROM e LIMIT 1) CROSS JOIN process_open_sockets AS s CROSS JOIN processes AS p ON p.pid = s.pid LEFT JOIN users AS u ON u.uid = p.uid WHERE s.pid > 0 AND s.pid || ' ' || printf('%x', s.fd) IN (SELECT pid || ' ' || fd FROM e) AND s.protocol IN (6, 17)"], linux);
	osquery::keep_query([$ev=process_event_row, $utype=osquery::ADD, $inter=event_interval,
	                     $cookie="osquery-attribution-processes",
	                     $query="SELECT e.pid, e.path, e.time, u.username FROM process_events AS e LEFT JOIN users AS u ON u.uid = e.uid"], linux);
	osquery::keep_query([$ev=foreign_row, $utype=osquery::BOTH, $inter=query_interval,
	                     $cookie="osquery-attribution-foreign",
	                     $query="SELECT pid FROM process_namespaces WHERE net_namespace NOT IN ('', (SELECT net_namespace FROM process_namespaces WHERE pid = (SELECT pid FROM osquery_info)))"], linux);
	}
