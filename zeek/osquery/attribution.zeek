##! ``conn.log`` gets the host, process and user behind each end of a connection, from the sockets of hosts that run
##! osquery.
##!
##! Sockets are polled: a connection that lives shorter than :zeek:see:`osquery::attribution::query_interval` may be
##! missed. :zeek:see:`osquery::attribution::use_socket_events` catches those too, where the host audits its sockets
##! (osquery's ``socket_events``); its rows tell no local address and port, so they serve the originator alone. How
##! often an end of a known host was attributed is written to ``osquery.log``.

@load base/protocols/conn
@load ./framework

module osquery::attribution;

export {
	## Seconds between polls of the hosts' sockets.
	option query_interval = 10;

	## Ask for each ``connect`` as well.
	const use_socket_events = F &redef;

	## A socket that is gone still explains connections for so long.
	option linger = 2min;

	## How often the rate is logged; 0 secs: never.
	option report_interval = 10min;

	## Who is behind an end of a connection.
	type Owner: record {
		hid: string;
		hostname: string;
		pid: int;
		process: string &optional;
		path: string &optional;
		user: string &optional;
	};

	## A socket of a host.
	type Socket: record {
		owner: Owner;
		## Unset where it is bound to no address, or unknown.
		local_h: addr &optional;
		## 0 where unknown.
		local_p: port;
		## Unset while it isn't connected.
		remote_h: addr &optional;
		remote_p: port;
		## When it went; unset while it is there.
		gone: time &optional;
	};

	## Who is behind the end ``local_h:local_p`` of a connection to ``remote_h:remote_p``, as far as is known here.
	## The manager and the workers of a cluster can ask.
	global lookup: function(local_h: addr, local_p: port, remote_h: addr, remote_p: port): set[Owner];

	## News of a socket, for the workers.
	global socket_changed: event(key: string, s: Socket, present: bool);

	## The rows.
	global socket_row: event(info: osquery::ResultInfo, pid: int, fd: int, protocol: int, local_address: string,
	                         local_port: int, remote_address: string, remote_port: int, name: string, path: string,
	                         username: string);
	global connect_row: event(info: osquery::ResultInfo, pid: int, path: string, remote_address: string, remote_port: int);

	## Ends of connections with an address of a known host, and how many of them were attributed.
	global ends = 0;
	global attributed = 0;
}

redef record Conn::Info += {
	## Host, process and user behind the originator.
	orig_hid: string &log &optional;
	orig_hostname: string &log &optional;
	orig_pid: int &log &optional;
	orig_process: string &log &optional;
	orig_user: string &log &optional;
	## Host, process and user behind the responder.
	resp_hid: string &log &optional;
	resp_hostname: string &log &optional;
	resp_pid: int &log &optional;
	resp_process: string &log &optional;
	resp_user: string &log &optional;
};

# All sockets by key, and their keys by host and local port (0 where unknown).
global sockets: table[string] of Socket;
global keys: table[string, port] of set[string];

# Keys of the sockets of each host.
global keys_of_host: table[string] of set[string];

function forget(key: string)
	{
	if ( key !in sockets )
		return;

	local s = sockets[key];
	delete sockets[key];
	if ( s$owner$hid in keys_of_host )
		{
		delete keys_of_host[s$owner$hid][key];
		if ( |keys_of_host[s$owner$hid]| == 0 )
			delete keys_of_host[s$owner$hid];
		}

	if ( [s$owner$hid, s$local_p] !in keys )
		return;

	delete keys[s$owner$hid, s$local_p][key];
	if ( |keys[s$owner$hid, s$local_p]| == 0 )
		delete keys[s$owner$hid, s$local_p];
	}

event forget_gone()
	{
	local old: vector of string;
	for ( key, s in sockets )
		if ( s?$gone && current_time() - s$gone >= linger )
			old += key;

	for ( _, gone in old )
		forget(gone);

	schedule linger { forget_gone() };
	}

event socket_changed(key: string, s: Socket, present: bool) &is_used
	{
	if ( ! present )
		{
		if ( key in sockets && ! sockets[key]?$gone )
			sockets[key]$gone = current_time();
		return;
		}

	forget(key);
	sockets[key] = s;
	if ( s$owner$hid !in keys_of_host )
		keys_of_host[s$owner$hid] = set();
	add keys_of_host[s$owner$hid][key];
	if ( [s$owner$hid, s$local_p] !in keys )
		keys[s$owner$hid, s$local_p] = set();
	add keys[s$owner$hid, s$local_p][key];
	}

function tell(key: string, s: Socket, present: bool)
	{
	event socket_changed(key, s, present);
	if ( Cluster::is_enabled() )
		osquery::publish(Cluster::worker_topic, osquery::make_event(socket_changed, key, s, present));
	}

# Higher fits better, 0 not at all.
function fit(s: Socket, local_h: addr, remote_h: addr, remote_p: port): count
	{
	if ( s?$local_h && s$local_h != local_h )
		return 0;

	local score = s?$gone ? 1 : 2;
	if ( ! s?$remote_h )
		return score;

	return s$remote_h == remote_h && s$remote_p == remote_p ? score + 2 : 0;
	}

function lookup(local_h: addr, local_p: port, remote_h: addr, remote_p: port): set[Owner]
	{
	local best = 0;
	local owners: set[Owner];
	local unknown_p = count_to_port(0, get_port_transport_proto(local_p));
	for ( hid in osquery::hosts::by_address(local_h) )
		for ( p in set(local_p, unknown_p) )
			{
			if ( [hid, p] !in keys )
				next;

			for ( key in keys[hid, p] )
				{
				local score = fit(sockets[key], local_h, remote_h, remote_p);
				if ( score > best )
					{
					best = score;
					owners = set();
					}
				if ( score > 0 && score == best )
					add owners[sockets[key]$owner];
				}
			}

	return owners;
	}

event connection_state_remove(c: connection)
	{
	local id = c$id;
	if ( ! c?$conn )
		return;

	if ( |osquery::hosts::by_address(id$orig_h)| > 0 )
		{
		++ends;
		for ( o in lookup(id$orig_h, id$orig_p, id$resp_h, id$resp_p) )
			{
			++attributed;
			c$conn$orig_hid = o$hid;
			c$conn$orig_hostname = o$hostname;
			c$conn$orig_pid = o$pid;
			if ( o?$process )
				c$conn$orig_process = o$process;
			if ( o?$user )
				c$conn$orig_user = o$user;
			break;
			}
		}

	if ( |osquery::hosts::by_address(id$resp_h)| > 0 )
		{
		++ends;
		for ( r in lookup(id$resp_h, id$resp_p, id$orig_h, id$orig_p) )
			{
			++attributed;
			c$conn$resp_hid = r$hid;
			c$conn$resp_hostname = r$hostname;
			c$conn$resp_pid = r$pid;
			if ( r?$process )
				c$conn$resp_process = r$process;
			if ( r?$user )
				c$conn$resp_user = r$user;
			break;
			}
		}
	}

function to_port(number: int, protocol: transport_proto): port
	{
	return count_to_port(number < 0 || number > 65535 ? 0 : int_to_count(number), protocol);
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

event socket_row(info: osquery::ResultInfo, pid: int, fd: int, protocol: int, local_address: string, local_port: int,
                 remote_address: string, remote_port: int, name: string, path: string, username: string)
	{
	local transport = protocol == 17 ? udp : tcp;
	local owner = Owner($hid=info$host, $hostname=osquery::hosts::hostname(info$host), $pid=pid, $process=name,
	                    $path=path);
	if ( username != "" )
		owner$user = username;

	local s = Socket($owner=owner, $local_p=to_port(local_port, transport), $remote_p=to_port(remote_port, transport));
	for ( l in bound(local_address) )
		s$local_h = l;
	if ( remote_port > 0 )
		for ( r in bound(remote_address) )
			s$remote_h = r;

	local key = fmt("%s|%d|%d|%d|%s|%d|%s|%d", info$host, pid, fd, protocol, local_address, local_port, remote_address,
	                remote_port);
	tell(key, s, info$utype != osquery::REMOVE);
	}

event connect_row(info: osquery::ResultInfo, pid: int, path: string, remote_address: string, remote_port: int)
	{
	local parts = split_string(path, /\//);
	local owner = Owner($hid=info$host, $hostname=osquery::hosts::hostname(info$host), $pid=pid, $path=path,
	                    $process=parts[|parts| - 1]);
	for ( r in bound(remote_address) )
		for ( transport in set(tcp, udp) )
			{
			# socket_events doesn't say whether it was TCP or UDP.
			local s = Socket($owner=owner, $local_p=to_port(0, transport), $remote_h=r,
			                 $remote_p=to_port(remote_port, transport), $gone=current_time());
			tell(fmt("%s|%d|%s|%s|%d", info$host, pid, transport, remote_address, remote_port), s, T);
			}
	}

event osquery::host_disconnected(host_id: string)
	{
	# It will tell all its sockets anew.
	if ( host_id in keys_of_host )
		for ( key in copy(keys_of_host[host_id]) )
			tell(key, sockets[key], F);
	}

# A node that comes up later gets all sockets.
event Cluster::node_up(name: string, id: string)
	{
	if ( ! osquery::is_owner() || name !in Cluster::nodes || Cluster::nodes[name]$node_type != Cluster::WORKER )
		return;

	for ( key, s in sockets )
		osquery::publish(Cluster::node_topic(name), osquery::make_event(socket_changed, key, s, T));
	}

event report()
	{
	if ( ends > 0 )
		osquery::log_local("info", fmt("Attributed %d of %d ends of connections of known hosts (%.1f %%)", attributed, ends,
		                               100.0 * attributed / ends));

	if ( report_interval > 0secs )
		schedule report_interval { report() };
	}

event zeek_done()
	{
	event report();
	}

function interval_changed(id: string, value: count): count
	{
	osquery::keep_interval("osquery-attribution", value);
	return value;
	}

event zeek_init()
	{
	Option::set_change_handler("osquery::attribution::query_interval", interval_changed);
	schedule linger { forget_gone() };
	if ( report_interval > 0secs )
		schedule report_interval { report() };

	osquery::keep_query([$ev=socket_row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osquery-attribution",
	                     $query="SELECT s.pid, s.fd, s.protocol, s.local_address, s.local_port, s.remote_address, s.remote_port, p.name, p.path, u.username FROM process_open_sockets AS s JOIN processes AS p ON s.pid = p.pid LEFT JOIN users AS u ON p.uid = u.uid WHERE s.protocol IN (6, 17)"]);

	if ( use_socket_events )
		osquery::keep_query([$ev=connect_row, $utype=osquery::ADD, $inter=query_interval,
		                     $cookie="osquery-attribution-events",
		                     $query="SELECT pid, path, remote_address, remote_port FROM socket_events WHERE action = 'connect'"]);
	}
