##! Hops: somebody comes in over SSH (RDP, WinRM), and out of the same process tree goes on to a third host. The host
##! itself walks its process tree; here the hops of all hosts are put together to chains, one line a hop in
##! ``osq-hops.log``.
##!
##! Hops that are shorter than the query's interval take ``osquery::hops::use_socket_events`` (and hosts that audit their
##! sockets and processes). Hosts with Windows are asked as their documentation says, and were not tried.

@load base/protocols/conn
@load ./finding

module osquery::hops;

export {
	redef enum Notice::Type += {
		## A session from elsewhere goes on to a third host.
		Hop,
	};

	redef enum Log::ID += { LOG };

	## A line of ``osq-hops.log``.
	type Info: record {
		ts: time &log;
		## The same for all hops of a chain; which hop it is, from 1.
		chain: string &log;
		depth: count &log;
		## Where the whole chain began.
		origin_h: addr &log;
		## All hosts of the chain up to here, by name where it is known.
		path: vector of string &log;
		## The session that came in.
		from_h: addr &log;
		from_p: port &log;
		from_hostname: string &log &optional;
		via_hid: string &log;
		via_hostname: string &log;
		## The connection that goes on.
		to_h: addr &log;
		to_p: port &log;
		to_hostname: string &log &optional;
		service: string &log;
		pid: int &log;
		process: string &log;
		cmdline: string &log &optional;
		user: string &log &optional;
		## Both in ``conn.log``, where Zeek has seen them.
		uid_in: string &log &optional;
		uid_out: string &log &optional;
	};

	global log_policy: Log::PolicyHook;

	## What the ports of remote sessions are called. Zeek remembers connections to these.
	option services: table[port] of string = {
		[22/tcp] = "ssh", [2222/tcp] = "ssh", [3389/tcp] = "rdp", [5985/tcp] = "winrm", [5986/tcp] = "winrm",
	};

	## Hosts, by id or name, that people are meant to hop over: their hops are logged, and raise no notice.
	option jump_hosts: set[string] = {};

	## Seconds between runs of the queries.
	option query_interval = 10;

	## Ask for connects that the host audits as well.
	const use_socket_events = F &redef;

	## How long to wait for the hops of other hosts before one is judged.
	option settle = 15sec;

	option suppress = 1hr;

	## The rows: a connection that goes on, and the session that came in.
	global row: event(info: osquery::ResultInfo, pid: int, name: string, cmdline: string, username: string,
	                  local_address: string, local_port: int, remote_address: string, remote_port: int,
	                  in_local_port: int, in_remote_address: string, in_remote_port: int);

	## A connection of a remote session, from the node that has seen it.
	global session_seen: event(id: conn_id, uid: string);
}

# An own end of a connection that goes on; the next host sees it as the other end of its session. The port is 0 where it
# isn't known.
type End: record {
	h: addr;
	p: port;
};

# Hops that wait to be judged, by key, and the keys of those that were seen lately.
global waiting: table[string] of Info;
global seen_keys: set[string] &create_expire=10min;

# The keys of hops, and those that were judged, by the own ends of the connections that go on.
global key_of: table[addr, port] of string &create_expire=10min;
global judged: table[addr, port] of Info &read_expire=1day;
global ends_of: table[string] of vector of End &create_expire=10min;

# uids of connections.
global uids: table[addr, port, addr, port] of string &create_expire=1hr;

event session_seen(id: conn_id, uid: string) &is_used
	{
	uids[id$orig_h, id$orig_p, id$resp_h, id$resp_p] = uid;
	}

event connection_established(c: connection)
	{
	if ( c$id$resp_p !in services )
		return;

	if ( osquery::is_owner() )
		event session_seen(c$id, c$uid);
	else
		osquery::publish(Cluster::manager_topic, osquery::make_event(session_seen, c$id, c$uid));
	}

function name_of(a: addr): string
	{
	for ( hid in osquery::hosts::by_address(a) )
		return osquery::hosts::hostname(hid);

	return "";
	}

function name_or_address(a: addr): string
	{
	local name = name_of(a);
	return name == "" ? cat(a) : name;
	}

# The ends of the hop that brought somebody to where this one begins.
function previous(line: Info): vector of End
	{
	if ( [line$from_h, line$from_p] in judged )
		return vector(End($h=line$from_h, $p=line$from_p));

	if ( [line$from_h, 0/tcp] in judged && line$via_hid in osquery::hosts::by_address(judged[line$from_h, 0/tcp]$to_h) )
		return vector(End($h=line$from_h, $p=0/tcp));

	return vector();
	}

function techniques_of(service: string): set[string]
	{
	switch ( service )
		{
		case "ssh":
			return set("T1021.004");
		case "rdp":
			return set("T1021.001");
		case "winrm":
			return set("T1021.006");
		default:
			return set("T1021");
		}
	}

function raise(line: Info)
	{
	local user = line?$user ? line$user : "";
	osquery::detections::raise([$note=Hop, $src=line$from_h, $dst=line$to_h, $hid=line$via_hid,
	    $msg=fmt("%s: %s came in from %s and went on to %s, port %s, by %s (process %d); the whole way: %s",
	             line$via_hostname, user == "" ? "somebody" : user, name_or_address(line$from_h),
	             name_or_address(line$to_h), line$to_p, line$process, line$pid, join_string_vec(line$path, " > ")),
	    $sub=line$chain, $pid=line$pid, $process=line$process, $user=user, $since=line$ts,
	    $identifier=cat(line$via_hid, user, line$from_h, line$to_h), $techniques=techniques_of(line$service),
	    $suppress_for=suppress]);
	}

function judge(key: string)
	{
	if ( key !in waiting )
		return;

	local line = waiting[key];
	delete waiting[key];
	# The hop before this one may wait, too.
	for ( p in set(line$from_p, 0/tcp) )
		if ( [line$from_h, p] in key_of )
			judge(key_of[line$from_h, p]);

	for ( _, end in previous(line) )
		{
		local before = judged[end$h, end$p];
		line$chain = before$chain;
		line$depth = before$depth + 1;
		line$origin_h = before$origin_h;
		line$path = copy(before$path);
		}

	line$path += name_or_address(line$to_h);
	for ( _, own in ends_of[key] )
		judged[own$h, own$p] = line;

	Log::write(LOG, line);
	if ( line$via_hid !in jump_hosts && line$via_hostname !in jump_hosts )
		raise(line);
	}

event judge_later(key: string)
	{
	judge(key);
	}

function addresses_of(hid: string): set[addr]
	{
	return hid in osquery::hosts::known ? osquery::hosts::known[hid]$addresses : set();
	}

# Own ends as far as the row tells them: where an event has no port, all addresses of the host.
function ends(hid: string, local_address: string, local_port: int): vector of End
	{
	local found: vector of End;
	if ( local_port > 0 )
		for ( own in osquery::read_address(local_address) )
			found += End($h=own, $p=osquery::read_port(local_port, 6));
	else
		for ( a in addresses_of(hid) )
			if ( osquery::hosts::is_reachable(a) )
				found += End($h=a, $p=0/tcp);

	return found;
	}

function fill_in(line: Info, own: vector of End, in_p: port)
	{
	if ( name_of(line$from_h) != "" )
		line$from_hostname = name_of(line$from_h);
	if ( name_of(line$to_h) != "" )
		line$to_hostname = name_of(line$to_h);

	for ( a in addresses_of(line$via_hid) )
		if ( [line$from_h, line$from_p, a, in_p] in uids )
			line$uid_in = uids[line$from_h, line$from_p, a, in_p];

	for ( _, end in own )
		if ( [end$h, end$p, line$to_h, line$to_p] in uids )
			line$uid_out = uids[end$h, end$p, line$to_h, line$to_p];
	}

event row(info: osquery::ResultInfo, pid: int, name: string, cmdline: string, username: string, local_address: string,
          local_port: int, remote_address: string, remote_port: int, in_local_port: int, in_remote_address: string,
          in_remote_port: int)
	{
	local hid = info$host;
	local key = fmt("%s|%d|%s|%d", hid, pid, remote_address, remote_port);
	if ( info$utype == osquery::REMOVE || key in seen_keys )
		return;

	for ( to_h in osquery::read_address(remote_address) )
		for ( from_h in osquery::read_address(in_remote_address) )
			{
			# Back to where it came from, or to itself, is no third host.
			if ( to_h == from_h || ! osquery::hosts::is_reachable(to_h) || hid in osquery::hosts::by_address(to_h) )
				return;

			local to_p = osquery::read_port(remote_port, 6);
			local line = Info($ts=osquery::host_time(), $chain=unique_id("H"), $depth=1, $origin_h=from_h,
			    $path=vector(name_or_address(from_h), osquery::hosts::hostname(hid)), $from_h=from_h,
			    $from_p=osquery::read_port(in_remote_port, 6), $via_hid=hid,
			    $via_hostname=osquery::hosts::hostname(hid), $to_h=to_h, $to_p=to_p,
			    $service=to_p in services ? services[to_p] : name, $pid=pid, $process=name);
			if ( cmdline != "" )
				line$cmdline = cmdline;
			if ( username != "" )
				line$user = username;

			local own = ends(hid, local_address, local_port);
			fill_in(line, own, osquery::read_port(in_local_port, 6));
			add seen_keys[key];
			waiting[key] = line;
			ends_of[key] = own;
			for ( _, end in own )
				key_of[end$h, end$p] = key;

			schedule settle { judge_later(key) };
			}
	}

function interval_changed(id: string, value: count): count
	{
	for ( cookie in set("osquery-hops", "osquery-hops-events", "osquery-hops-winrm", "osquery-hops-rdp") )
		osquery::keep_interval(cookie, value);
	return value;
	}

event zeek_init() &priority=10
	{
	Log::create_stream(LOG, [$columns=Info, $path="osq-hops", $policy=log_policy]);
	Option::set_change_handler("osquery::hops::query_interval", interval_changed);
	}

event zeek_init()
	{
	# From each connection to a remote session's port the process tree upwards, to the process of a session that came in.
	# That may be the process itself, which forwards a connection.
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osquery-hops",
	                     $query="WITH RECURSIVE conns AS MATERIALIZED (SELECT pid, local_address, local_port, remote_address, remote_port FROM process_open_sockets WHERE protocol = 6 AND remote_port > 0 AND pid > 0), served AS MATERIALIZED (SELECT DISTINCT port FROM listening_ports WHERE protocol = 6 AND port > 0), tree(leaf, local_address, local_port, remote_address, remote_port, pid, depth) AS (SELECT c.pid, c.local_address, c.local_port, c.remote_address, c.remote_port, c.pid, 0 FROM conns AS c JOIN processes AS o ON o.pid = c.pid WHERE (c.remote_port IN (22, 2222, 3389, 5985, 5986) OR o.name IN ('ssh', 'scp', 'sftp')) AND c.local_port NOT IN (SELECT port FROM served) UNION ALL SELECT t.leaf, t.local_address, t.local_port, t.remote_address, t.remote_port, q.parent, t.depth + 1 FROM tree AS t JOIN processes AS q ON q.pid = t.pid WHERE q.parent > 1 AND t.depth < 40) SELECT DISTINCT l.pid, l.name, l.cmdline, u.username, t.local_address, t.local_port, t.remote_address, t.remote_port, i.local_port AS in_local_port, i.remote_address AS in_remote_address, i.remote_port AS in_remote_port FROM tree AS t JOIN processes AS r ON r.pid = t.pid JOIN conns AS i ON (i.pid = r.pid AND r.name LIKE 'sshd%' AND i.local_port IN (SELECT port FROM served)) OR (r.name LIKE 'xrdp-ses%' AND i.local_port = 3389) JOIN processes AS l ON l.pid = t.leaf LEFT JOIN users AS u ON u.uid = l.uid"],
	                    osquery::Target($platforms=set("linux", "darwin")));

	# Windows starts the processes of a session apart from the one that holds its connection: WinRM's have a host process
	# of their own, RDP's the user of a remote logon.
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osquery-hops-winrm",
	                     $query="WITH RECURSIVE conns AS MATERIALIZED (SELECT pid, local_address, local_port, remote_address, remote_port FROM process_open_sockets WHERE protocol = 6 AND remote_port > 0), tree(leaf, local_address, local_port, remote_address, remote_port, pid, depth) AS (SELECT c.pid, c.local_address, c.local_port, c.remote_address, c.remote_port, c.pid, 0 FROM conns AS c WHERE c.remote_port IN (22, 2222, 3389, 5985, 5986) UNION ALL SELECT t.leaf, t.local_address, t.local_port, t.remote_address, t.remote_port, q.parent, t.depth + 1 FROM tree AS t JOIN processes AS q ON q.pid = t.pid WHERE q.parent > 4 AND t.depth < 40) SELECT DISTINCT l.pid, l.name, l.cmdline, u.username, t.local_address, t.local_port, t.remote_address, t.remote_port, i.local_port AS in_local_port, i.remote_address AS in_remote_address, i.remote_port AS in_remote_port FROM tree AS t JOIN processes AS r ON r.pid = t.pid AND lower(r.name) IN ('wsmprovhost.exe', 'winrshost.exe', 'sshd.exe') JOIN conns AS i ON (i.local_port IN (5985, 5986) AND lower(r.name) != 'sshd.exe') OR (i.pid = r.pid AND i.local_port = 22) JOIN processes AS l ON l.pid = t.leaf LEFT JOIN users AS u ON u.uid = l.uid"],
	                    osquery::Target($platforms=set("windows")));
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osquery-hops-rdp",
	                     $query="SELECT DISTINCT l.pid, l.name, l.cmdline, u.username, c.local_address, c.local_port, c.remote_address, c.remote_port, i.local_port AS in_local_port, i.remote_address AS in_remote_address, i.remote_port AS in_remote_port FROM process_open_sockets AS c JOIN processes AS l ON l.pid = c.pid JOIN users AS u ON u.uid = l.uid JOIN logon_sessions AS s ON lower(s.user) = lower(u.username) AND s.logon_type = 'RemoteInteractive' JOIN process_open_sockets AS i ON i.local_port = 3389 AND i.remote_port > 0 AND i.protocol = 6 WHERE c.protocol = 6 AND c.remote_port IN (22, 2222, 3389, 5985, 5986)"],
	                    osquery::Target($platforms=set("windows")));

	# A process that connects may have ended when it is asked for: then its start tells who its parent was.
	if ( use_socket_events )
		osquery::keep_query([$ev=row, $utype=osquery::ADD, $inter=query_interval, $cookie="osquery-hops-events",
		                     $query="WITH RECURSIVE conns AS MATERIALIZED (SELECT pid, local_port, remote_address, remote_port FROM process_open_sockets WHERE protocol = 6 AND remote_port > 0 AND pid > 0), served AS MATERIALIZED (SELECT DISTINCT port FROM listening_ports WHERE protocol = 6 AND port > 0), starts AS MATERIALIZED (SELECT pid, parent, path, cmdline, uid FROM process_events), connects AS MATERIALIZED (SELECT DISTINCT pid, path, remote_address, remote_port FROM socket_events WHERE action = 'connect' AND remote_port IN (22, 2222, 3389, 5985, 5986)), tree(leaf, path, remote_address, remote_port, pid, depth) AS (SELECT e.pid, e.path, e.remote_address, e.remote_port, e.pid, 0 FROM connects AS e UNION ALL SELECT t.leaf, t.path, t.remote_address, t.remote_port, COALESCE((SELECT q.parent FROM processes AS q WHERE q.pid = t.pid), (SELECT s.parent FROM starts AS s WHERE s.pid = t.pid LIMIT 1), 0), t.depth + 1 FROM tree AS t WHERE t.pid > 1 AND t.depth < 40) SELECT DISTINCT t.leaf AS pid, CAST(replace(t.path, rtrim(t.path, replace(t.path, '/', '')), '') AS TEXT) AS name, CAST(COALESCE((SELECT s.cmdline FROM starts AS s WHERE s.pid = t.leaf LIMIT 1), (SELECT l.cmdline FROM processes AS l WHERE l.pid = t.leaf)) AS TEXT) AS cmdline, CAST((SELECT u.username FROM users AS u WHERE u.uid = COALESCE((SELECT s.uid FROM starts AS s WHERE s.pid = t.leaf LIMIT 1), (SELECT l.uid FROM processes AS l WHERE l.pid = t.leaf))) AS TEXT) AS username, CAST('' AS TEXT) AS local_address, CAST(0 AS BIGINT) AS local_port, t.remote_address, t.remote_port, i.local_port AS in_local_port, i.remote_address AS in_remote_address, i.remote_port AS in_remote_port FROM tree AS t JOIN processes AS r ON r.pid = t.pid JOIN conns AS i ON i.pid = r.pid AND r.name LIKE 'sshd%' AND i.local_port IN (SELECT port FROM served)"],
		                    osquery::Target($platforms=set("linux", "darwin")));
	}
