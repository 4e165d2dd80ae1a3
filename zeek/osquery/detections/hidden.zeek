##! What a host hides: a port that answers on the network though no process of the host has it, the reverse (a process
##! listens and the network is refused), and a connection from the host that none of its processes has. Before a notice
##! the host itself is asked once more, and has to say the same again later.

@load base/protocols/conn
@load base/protocols/conn/thresholds
@load ../attribution
@load ./finding
@load ../inventory/listeners

module osquery::hidden;

export {
	redef enum Notice::Type += {
		## A port of a host answers, and no process of the host has it.
		Hidden_Listener,
		## A process of a host listens, and the network is refused.
		Refused_Listener,
		## A connection comes from a host, and no process of the host has it.
		Hidden_Connection,
	};

	## Ports that the kernel itself serves: file systems and tunnels.
	option kernel_ports: set[port] = { 2049/tcp, 445/tcp, 111/tcp, 51820/udp };

	## Ports that are passed on to others without a process: Kubernetes' node ports, a load balancer's.
	option forwarded_ports: set[port] = {};

	## Hosts that route or translate the addresses of others, by id or name: their connections needn't be their own.
	option routers: set[string] = {};

	## An answer is a finding when it is seen again after so long, and the host says the same as before.
	option apart = 1min;

	## A suspicion that nothing has confirmed for so long is dropped.
	option forget = 1hr;

	## Connections of a host are looked into when they live for so long.
	option connection_age = 2min;

	option suppress = 1day;

	## From the node that has seen them to that which owns the hosts.
	global port_seen: event(a: addr, p: port, client: addr, uid: string, answered: bool);
	global unexplained: event(id: conn_id, uid: string, since: time);
	global connection_over: event(uid: string);

	## Connections that hosts are being asked about, by uid. Read only.
	type Connection: record {
		hid: string;
		id: conn_id;
		uid: string;
		since: time;
		sockets: int &default=0;
	};
	global connections: table[string] of Connection &create_expire=10min;

	## The host's answers: how many processes have the port, and whether there is any socket at all.
	global port_row: event(info: osquery::ResultInfo, number: int, owners: int);
	global connection_row: event(info: osquery::ResultInfo, owners: int, sockets: int);
}

# Lately told of, on the node that sees the traffic: not every connection is worth a message.
global told: set[addr, port, bool] &create_expire=20sec;

# Connections that were told of as unexplained, on the node that sees them.
global watched: set[string] &create_expire=1day;

# Suspicions of the node that owns the hosts.
type Suspicion: record {
	a: addr;
	client: addr;
	uid: string;
	since: time;
	last: time;
	## How often the host has confirmed it, and of what age it was then.
	confirmed: count &default=0;
};

global suspicions: table[string, port, bool] of Suspicion &create_expire=forget;

function tell_port(c: connection, answered: bool)
	{
	local a = c$id$resp_h;
	local p = c$id$resp_p;
	if ( |osquery::hosts::by_address(a)| == 0 || [a, p, answered] in told || p in kernel_ports || p in forwarded_ports )
		return;

	add told[a, p, answered];
	if ( osquery::is_owner() )
		event port_seen(a, p, c$id$orig_h, c$uid, answered);
	else
		osquery::publish(Cluster::manager_topic, osquery::make_event(port_seen, a, p, c$id$orig_h, c$uid, answered));
	}

event connection_established(c: connection)
	{
	tell_port(c, T);
	if ( |osquery::hosts::by_address(c$id$orig_h)| > 0 )
		{
		ConnThreshold::set_duration_threshold(c, connection_age);
		ConnThreshold::set_duration_threshold(c, connection_age + apart);
		}
	}

event connection_rejected(c: connection)
	{
	tell_port(c, F);
	}

event ConnThreshold::duration_threshold_crossed(c: connection, threshold: interval, is_orig: bool)
	{
	# The first crossing gives the host's rows the time to come.
	local id = c$id;
	if ( threshold != connection_age + apart || id$resp_p in kernel_ports ||
	     |osquery::attribution::lookup(id$orig_h, id$orig_p, id$resp_h, id$resp_p)| > 0 )
		return;

	add watched[c$uid];
	if ( osquery::is_owner() )
		event unexplained(id, c$uid, c$start_time);
	else
		osquery::publish(Cluster::manager_topic, osquery::make_event(unexplained, id, c$uid, c$start_time));
	}

event connection_state_remove(c: connection)
	{
	if ( c$uid !in watched )
		return;

	delete watched[c$uid];
	if ( osquery::is_owner() )
		event connection_over(c$uid);
	else
		osquery::publish(Cluster::manager_topic, osquery::make_event(connection_over, c$uid));
	}

# Those listeners that somebody elsewhere can reach and that have a process.
function reachable_owners(hid: string, p: port): count
	{
	local n = 0;
	for ( l in osquery::listeners::on_port(hid, p) )
		if ( l$pid > 0 && ( ! l?$local_h || osquery::hosts::is_reachable(l$local_h) ) )
			++n;

	return n;
	}

# Asks the host how many of its processes have a port, by whatever way. Containers are found by what Docker says.
function ask_port(hid: string, p: port, answered: bool)
	{
	local number = port_to_count(p);
	local family = osquery::hosts::platform_family(osquery::hosts::known[hid]);
	local sql = fmt("SELECT pid FROM listening_ports WHERE port = %d AND protocol = 6 AND pid > 0 UNION ALL SELECT pid FROM process_open_sockets WHERE local_port = %d AND protocol = 6 AND pid > 0", number, number);
	if ( family == "linux" || family == "darwin" )
		sql += fmt(" UNION ALL SELECT 1 FROM docker_container_ports WHERE host_port = %d", number);
	if ( ! answered )
		# Whoever listens in a namespace of its own is not refused by this one.
		sql = fmt("SELECT l.pid FROM listening_ports AS l JOIN process_namespaces AS n ON n.pid = l.pid WHERE l.port = %d AND l.protocol = 6 AND l.address IN ('0.0.0.0', '::') AND n.net_namespace = (SELECT net_namespace FROM process_namespaces WHERE pid = (SELECT pid FROM osquery_info))", number);

	osquery::execute(osquery::Query($ev=port_row, $cookie=answered ? "osquery-hidden-answered" : "osquery-hidden-refused",
	                                $query=fmt("SELECT CAST(%d AS BIGINT) AS number, count(*) AS owners FROM (%s)", number,
	                                           sql)), hid);
	}

event port_seen(a: addr, p: port, client: addr, uid: string, answered: bool) &is_used
	{
	for ( hid in osquery::hosts::by_address(a) )
		{
		local owned = reachable_owners(hid, p) > 0;
		# Before the host has told its listeners there is nothing to compare with.
		if ( osquery::known_since(hid, "osquery-listeners") == double_to_time(0.0) || owned == answered ||
		     ( ! answered && osquery::hosts::platform_family(osquery::hosts::known[hid]) != "linux" ) )
			{
			delete suspicions[hid, p, answered];
			# With several hosts at one address it is enough that one has it.
			if ( owned && answered )
				return;

			next;
			}

		if ( [hid, p, answered] !in suspicions )
			suspicions[hid, p, answered] = Suspicion($a=a, $client=client, $uid=uid, $since=network_time(),
			                                         $last=network_time());

		suspicions[hid, p, answered]$last = network_time();
		ask_port(hid, p, answered);
		}
	}

function raise_port(hid: string, p: port, s: Suspicion, answered: bool)
	{
	local name = osquery::hosts::hostname(hid);
	local n = Notice::Info($note=answered ? Hidden_Listener : Refused_Listener, $src=s$client, $dst=s$a, $p=p,
	    $uid=s$uid, $hid=hid, $since=s$since, $identifier=cat(hid, p), $suppress_for=suppress,
	    $techniques=answered ? set("T1014", "T1205") : set("T1205"),
	    $msg=fmt("%s: port %s answers on the network (at %s), and no process of the host has it", name, p, s$a));
	if ( ! answered )
		for ( l in osquery::listeners::on_port(hid, p) )
			{
			n$msg = fmt("%s: %s (process %d) listens on port %s, and the network is refused (at %s)", name, l$process, l$pid,
			            p, s$a);
			n$pid = l$pid;
			n$process = l$path;
			n$user = l$user;
			}

	osquery::detections::raise(n);
	}

event port_row(info: osquery::ResultInfo, number: int, owners: int)
	{
	local p = osquery::read_port(number, 6);
	local answered = info?$cookie && info$cookie == "osquery-hidden-answered";
	if ( [info$host, p, answered] !in suspicions )
		return;

	local s = suspicions[info$host, p, answered];
	if ( ( owners > 0 ) == answered )
		{
		delete suspicions[info$host, p, answered];
		return;
		}

	++s$confirmed;
	if ( s$confirmed > 1 && s$last - s$since >= apart )
		raise_port(info$host, p, s, answered);
	}

event unexplained(id: conn_id, uid: string, since: time) &is_used
	{
	local hosts = osquery::hosts::by_address(id$orig_h);
	# Of several hosts behind one address any may have it.
	if ( |hosts| != 1 )
		return;

	for ( hid in hosts )
		{
		if ( hid in routers || osquery::hosts::hostname(hid) in routers )
			return;

		connections[uid] = Connection($hid=hid, $id=id, $uid=uid, $since=since);
		# A container's connection has another address and port inside, but the same other end.
		osquery::execute(osquery::Query($ev=connection_row, $cookie="osquery-hidden-connection:" + uid,
		    $query=fmt("SELECT CAST(COALESCE(SUM(pid > 0), 0) AS BIGINT) AS owners, count(*) AS sockets FROM process_open_sockets WHERE local_port = %d OR (remote_port = %d AND remote_address IN ('%s', '::ffff:%s'))",
		               port_to_count(id$orig_p), port_to_count(id$resp_p), id$resp_h, id$resp_h)), hid);
		}
	}

event connection_over(uid: string) &is_used
	{
	delete connections[uid];
	}

event judge_connection(uid: string)
	{
	# Where it has ended meanwhile, it may have done so before the host looked.
	if ( uid !in connections )
		return;

	local c = connections[uid];
	delete connections[uid];
	osquery::detections::raise([$note=Hidden_Connection, $id=c$id, $uid=uid, $hid=c$hid, $since=c$since,
	    $src=c$id$orig_h, $dst=c$id$resp_h, $p=c$id$resp_p, $identifier=cat(c$hid, c$id$resp_h, c$id$resp_p),
	    $msg=fmt("%s: a connection to %s, port %s, lives since %s, and %s", osquery::hosts::hostname(c$hid), c$id$resp_h,
	             c$id$resp_p, strftime("%H:%M:%S", c$since),
	             c$sockets == 0 ? "the host has no such socket" : "no process of the host has its socket"),
	    $techniques=set("T1014", "T1564"), $suppress_for=suppress]);
	}

event connection_row(info: osquery::ResultInfo, owners: int, sockets: int)
	{
	if ( ! info?$cookie )
		return;

	local uid = sub(info$cookie, /^osquery-hidden-connection:/, "");
	if ( uid !in connections )
		return;

	if ( owners > 0 )
		{
		delete connections[uid];
		return;
		}

	connections[uid]$sockets = sockets;
	schedule 30secs { judge_connection(uid) };
	}
