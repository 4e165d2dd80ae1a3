##! Connects and connections of hosts, by server: kept until they are paired.

@load ./accepts
@load ./order

module osquery::attribution;

export {
	## A process has called connect() for this server. ``told`` is when osquery read it of the kernel, by the host's
	## clock; ``in_progress`` whether the call returned before the connection was there.
	global note_connect: function(owner: Owner, fd: string, remote_h: addr, remote_p: count, told: time, in_progress: bool);

	## A process has bound a socket to a port of its choice.
	global note_bind: function(hid: string, pid: int, fd: string, local_p: count);

	## A row of events has come that osquery read of the kernel at ``told``, by the host's clock.
	global note_told: function(hid: string, told: time);

	## A host with known events has opened a TCP connection; ``sure`` if it was established.
	global note_opened: function(hid: string, uid: string, e: End, sure: bool);

	## A connection has ended.
	global note_closed: function(uid: string, at: time);

	## Who can have opened the connection. The host is the only one with this address.
	global makers: function(hid: string, uid: string, e: End): Makers;

	## This Zeek, or a worker, has dropped more than one packet in 500.
	global drops_noted: event();

	## Whether the host tells events, and whether all from before that time have come.
	global tells_events: function(hid: string): bool;
	global told_all: function(hid: string, before: time): bool;
}

# Connections that were not established are known after so long: Zeek waits for an answer.
const attempt_wait = 8sec;

const batches_kept = 32;

# What osqueryd reads of the kernel comes in batches: one ends when there was silence for two seconds, or with 1024
# records. When the last ones were read, in Zeek's time, the oldest first. By host.
global batches: table[string] of vector of time;

# When the first one was read since the host connected: what was before may not have been audited.
global told_from: table[string] of time;

# Until when hosts are taken to lose records, or this Zeek to lose packets.
global lossy_until: table[string] of time;
global drops_until = double_to_time(0.0);

# After a loss order is not trusted for so long, unless the connections to a server have come to rest.
const distrust = 3min;

# Ports that processes have bound their sockets to, by host, process and file descriptor.
global bound_ports: table[string, int, string] of count &create_expire=max_event_delay;

type Server: record {
	opened: vector of Opened &default=vector();
	connects: vector of Connect &default=vector();
	# What came of the last pairing, and when that was.
	paired: table[string] of Makers &default=table();
	paired_at: time &optional;
	# Until then nothing is decided, because there was more than can be paired.
	blind_until: time &optional;
	# At this size what is old is let go of.
	trim_at: count &default=64;
};

global servers: table[string, addr, port] of Server &read_expire=10min;

# When connections that have ended did so.
global closed: table[string] of time &create_expire=5min;

function note_told(hid: string, told: time)
	{
	local at = zeek_time(hid, told);
	if ( hid !in batches )
		{
		batches[hid] = vector();
		told_from[hid] = at;
		}

	local known = batches[hid];
	if ( |known| > 0 && known[|known| - 1] >= at )
		return;

	if ( |known| >= batches_kept )
		{
		known = known[1:];
		batches[hid] = known;
		}
	known += at;
	}

function tells_events(hid: string): bool
	{
	return hid in batches;
	}

function told_until(hid: string): time
	{
	local known = batches[hid];
	local by_batch = known[|known| - 1] - event_lag;
	local by_silence = network_time() - event_lag;
	return by_batch > by_silence ? by_batch : by_silence;
	}

function told_all(hid: string, before: time): bool
	{
	return hid in batches && batches[hid][|batches[hid]| - 1] - event_lag >= before;
	}

# When something that was read in that batch can have happened at the earliest: not before the batch before it.
function earliest_in_batch(hid: string, at: time): time
	{
	local earliest = at - max_event_delay;
	for ( _, b in batches[hid] )
		if ( b < at && b - event_lag > earliest )
			earliest = b - event_lag;

	return earliest;
	}

function server(hid: string, remote_h: addr, remote_p: port): Server
	{
	if ( [hid, remote_h, remote_p] !in servers )
		servers[hid, remote_h, remote_p] = Server();

	return servers[hid, remote_h, remote_p];
	}

# Lets go of what was long ago.
function forget_old(s: Server)
	{
	local old = network_time() - max_event_delay - max_wait - 30sec;
	local i = 0;
	while ( i < |s$opened| && s$opened[i]$end$start < old )
		++i;
	if ( i > 0 )
		s$opened = s$opened[i:];

	i = 0;
	while ( i < |s$connects| && s$connects[i]$latest < old )
		++i;
	if ( i > 0 )
		s$connects = s$connects[i:];
	}

# Bounds what is kept of a server.
function bound_server(s: Server)
	{
	if ( |s$opened| + |s$connects| < s$trim_at )
		return;

	forget_old(s);
	if ( |s$opened| > max_pairing || |s$connects| > max_pairing )
		{
		s$opened = vector();
		s$connects = vector();
		s$blind_until = network_time() + max_event_delay;
		}

	local size = |s$opened| + |s$connects|;
	s$trim_at = size < 32 ? 64 : 2 * size;
	}

function note_bind(hid: string, pid: int, fd: string, local_p: count)
	{
	bound_ports[hid, pid, fd] = local_p;
	}

function note_connect(owner: Owner, fd: string, remote_h: addr, remote_p: count, told: time, in_progress: bool)
	{
	local at = zeek_time(owner$hid, told);
	local p = count_to_port(remote_p, tcp);
	local latest = at + 1sec + clock_tolerance;
	local earliest = earliest_in_batch(owner$hid, at) - clock_tolerance;
	if ( [owner$hid, owner$pid, fd] in bound_ports )
		{
		local local_p = bound_ports[owner$hid, owner$pid, fd];
		delete bound_ports[owner$hid, owner$pid, fd];
		# It is not told whether it is TCP or UDP.
		note_bound(owner, count_to_port(local_p, tcp), remote_h, p, earliest, latest);
		note_bound(owner, count_to_port(local_p, udp), remote_h, count_to_port(remote_p, udp), earliest, latest);
		}

	local s = server(owner$hid, remote_h, p);
	s$connects += Connect($owner=owner, $earliest=earliest, $latest=latest, $sure=in_progress);
	bound_server(s);
	}

function note_opened(hid: string, uid: string, e: End, sure: bool)
	{
	local s = server(hid, e$remote_h, e$remote_p);
	local o = Opened($uid=uid, $end=e, $sure=sure && hid in told_from && e$start >= told_from[hid]);
	s$opened += o;
	# Nearly all come in their order.
	local i = |s$opened| - 1;
	while ( i > 0 && s$opened[i - 1]$end$start > e$start )
		{
		s$opened[i] = s$opened[i - 1];
		--i;
		}
	s$opened[i] = o;
	bound_server(s);
	}

# A connection that belongs to one connect and no other divides both sequences: what was before is done with.
function forget_paired(s: Server, result: vector of Makers)
	{
	local done = network_time() - max_wait - 30sec;
	local i = 0;
	local cut = 0;
	while ( i < |s$opened| && s$opened[i]$end$start < done )
		{
		if ( result[i]?$connect )
			cut = i + 1;
		++i;
		}

	if ( cut == 0 )
		return;

	local connect = result[cut - 1]$connect;
	s$opened = s$opened[cut:];
	s$connects = s$connects[connect + 1:];
	}

function note_closed(uid: string, at: time)
	{
	closed[uid] = at;
	}

function pair_server(hid: string, s: Server)
	{
	forget_old(s);
	for ( _, o in s$opened )
		if ( ! o?$holder )
			{
			o$end$end = o$uid in closed ? closed[o$uid] : network_time();
			local found = holders(o$end);
			local bound = binders(hid, o$end);
			if ( |found| > 0 )
				{
				local held_by = common(first_holder(found));
				if ( held_by?$pid )
					o$holder = held_by;
				}
			else if ( |bound| == 1 && bound[0]?$pid )
				o$holder = bound[0];
			}

	local p = pair(s$opened, s$connects, told_until(hid), network_time() - attempt_wait);
	local result = p$makers;
	if ( p$lost )
		{
		if ( hid !in lossy_until || lossy_until[hid] < network_time() )
			osquery::log_osquery("warning", hid, "Connects that the host audited are missing: order is trusted less for a while");
		lossy_until[hid] = network_time() + distrust;
		}
	s$paired = table();
	for ( i, one in s$opened )
		s$paired[one$uid] = result[i];
	s$paired_at = network_time();
	forget_paired(s, result);
	}

function makers(hid: string, uid: string, e: End): Makers
	{
	if ( hid !in batches || [hid, e$remote_h, e$remote_p] !in servers )
		return Makers($owners=vector(), $others=T);

	local s = servers[hid, e$remote_h, e$remote_p];
	if ( s?$blind_until && network_time() < s$blind_until )
		return Makers($owners=vector(), $others=T);

	# What was paired stays good for a second, however many connections ask.
	if ( ! s?$paired_at || network_time() - s$paired_at > 1sec )
		pair_server(hid, s);

	if ( uid !in s$paired )
		return Makers($owners=vector(), $others=T);

	local m = s$paired[uid];
	local distrusted = network_time() < drops_until ||
	                   ( hid in lossy_until && network_time() < lossy_until[hid] && m$unfinished );
	return distrusted ? Makers($owners=m$owners, $others=T) : m;
	}

event drops_noted() &is_used
	{
	drops_until = network_time() + distrust;
	}

global packets_seen = 0;
global packets_dropped = 0;

# Where Zeek misses connections, connects seem to belong to others.
event look_at_drops()
	{
	local stats = get_net_stats();
	local seen = stats$pkts_recvd - packets_seen;
	local dropped = stats$pkts_dropped - packets_dropped;
	packets_seen = stats$pkts_recvd;
	packets_dropped = stats$pkts_dropped;
	if ( dropped * 500 > seen )
		{
		event drops_noted();
		if ( Cluster::is_enabled() )
			osquery::publish(Cluster::manager_topic, osquery::make_event(drops_noted));
		}

	schedule 5sec { look_at_drops() };
	}

event zeek_init()
	{
	if ( use_socket_events && reading_live_traffic() )
		schedule 5sec { look_at_drops() };
	}

event osquery::host_disconnected(host_id: string)
	{
	# After a restart its events have other times, and pids other owners.
	delete batches[host_id];
	delete told_from[host_id];
	}
