##! The hosts' sockets: those that are there, and for a while those that have gone.

@load ./clocks

module osquery::attribution;

export {
	## A socket of a host.
	type Socket: record {
		owner: Owner;
		## Unset where it is bound to no address.
		local_h: addr &optional;
		## Whether it is bound to all addresses of IPv4 alone.
		any_v4: bool &default=F;
		local_p: port;
		## Unset while it isn't connected.
		remote_h: addr &optional;
		remote_p: port;
		## When it was seen first and last, in Zeek's time; ``last`` is unset while it is there.
		first: time;
		last: time &optional;
		## Whether the owner was audited connecting it, and is not just one that holds it.
		connected_by_owner: bool &default=F;
	};

	## News of a socket, for all nodes. The key stays the same as long as the row does.
	global socket_changed: event(key: string, s: Socket, present: bool);

	## A process has a network namespace other than the host's: it listens on no address of the host.
	global foreign_process: event(hid: string, pid: int, present: bool);

	## A process has children of the same program: which of them serves a connection is not known from who listens.
	global forking_process: event(hid: string, pid: int, present: bool);

	## The processes that held the end's own socket while the connection lived.
	global holders: function(e: End): vector of Socket;

	## Those of a host that are bound to the end's port and not connected.
	global listeners: function(hid: string, e: End): vector of Socket;
}

# All sockets by key.
global sockets: table[string] of Socket;

# Keys by both addresses and ports, and, of those not connected, by host and port.
global connected: table[addr, port, addr, port] of set[string];
global unconnected: table[string, port] of set[string];

# Keys of the sockets of each host that are there.
global keys_of_host: table[string] of set[string];

# Addresses of sockets that are not the host's own: its containers'. By host.
global container_addresses: table[string] of set[addr];

global foreign_processes: table[string] of set[int];
global forking_processes: table[string] of set[int];

# Keys of sockets that have gone, in the order in which they went, and when.
type Gone: record {
	key: string;
	at: time;
};
global gone: table[count] of Gone;
global gone_first = 0;
global gone_next = 0;

function is_loopback(a: addr): bool
	{
	return a in 127.0.0.0/8 || a == [::1];
	}

function forget(key: string)
	{
	if ( key !in sockets )
		return;

	local s = sockets[key];
	delete sockets[key];
	if ( s$owner$hid in keys_of_host )
		delete keys_of_host[s$owner$hid][key];

	if ( s?$remote_h && s?$local_h )
		{
		if ( [s$local_h, s$local_p, s$remote_h, s$remote_p] in connected )
			{
			delete connected[s$local_h, s$local_p, s$remote_h, s$remote_p][key];
			if ( |connected[s$local_h, s$local_p, s$remote_h, s$remote_p]| == 0 )
				delete connected[s$local_h, s$local_p, s$remote_h, s$remote_p];
			}
		}
	else if ( [s$owner$hid, s$local_p] in unconnected )
		{
		delete unconnected[s$owner$hid, s$local_p][key];
		if ( |unconnected[s$owner$hid, s$local_p]| == 0 )
			delete unconnected[s$owner$hid, s$local_p];
		}
	}

# Lets go of those that have been gone for long: a few at a time, and never a look at all.
event forget_gone()
	{
	local budget = 10000;
	while ( gone_first < gone_next && budget > 0 && network_time() - gone[gone_first]$at > linger )
		{
		local key = gone[gone_first]$key;
		# It may have come back, and gone again, since.
		if ( key in sockets && sockets[key]?$last && network_time() - sockets[key]$last > linger )
			forget(key);

		delete gone[gone_first];
		++gone_first;
		--budget;
		}

	schedule 1sec { forget_gone() };
	}

function note_gone(key: string)
	{
	gone[gone_next] = Gone($key=key, $at=network_time());
	++gone_next;
	}

event socket_changed(key: string, s: Socket, present: bool) &is_used
	{
	local hid = s$owner$hid;
	if ( ! present )
		{
		if ( key in sockets && ! sockets[key]?$last )
			{
			sockets[key]$last = s?$last ? s$last : network_time();
			if ( hid in keys_of_host )
				delete keys_of_host[hid][key];
			note_gone(key);
			}
		return;
		}

	if ( key in sockets )
		{
		# It is still there, or again: the same process has the same file descriptor for the same addresses and ports.
		local before = sockets[key];
		if ( ! before?$last )
			return;
		if ( s?$last )
			{
			if ( s$last > before$last )
				before$last = s$last;
			note_gone(key);
			return;
			}
		delete before$last;
		}
	else
		{
		sockets[key] = s;
		if ( s?$remote_h && s?$local_h )
			{
			if ( [s$local_h, s$local_p, s$remote_h, s$remote_p] !in connected )
				connected[s$local_h, s$local_p, s$remote_h, s$remote_p] = set();
			add connected[s$local_h, s$local_p, s$remote_h, s$remote_p][key];
			if ( hid in osquery::hosts::known && s$local_h !in osquery::hosts::known[hid]$addresses &&
			     ! is_loopback(s$local_h) )
				{
				if ( hid !in container_addresses )
					container_addresses[hid] = set();
				if ( |container_addresses[hid]| < 1000 )
					add container_addresses[hid][s$local_h];
				}
			}
		else
			{
			if ( [hid, s$local_p] !in unconnected )
				unconnected[hid, s$local_p] = set();
			add unconnected[hid, s$local_p][key];
			}
		}

	if ( s?$last )
		{
		# It was seen once, and nothing will tell when it goes.
		note_gone(key);
		return;
		}

	if ( hid !in keys_of_host )
		keys_of_host[hid] = set();
	add keys_of_host[hid][key];
	}

function mark(marked: table[string] of set[int], hid: string, pid: int, present: bool)
	{
	if ( hid !in marked )
		marked[hid] = set();

	if ( present )
		add marked[hid][pid];
	else
		delete marked[hid][pid];
	}

event foreign_process(hid: string, pid: int, present: bool) &is_used
	{
	mark(foreign_processes, hid, pid, present);
	}

event forking_process(hid: string, pid: int, present: bool) &is_used
	{
	mark(forking_processes, hid, pid, present);
	}

# Whether the socket was seen while the connection lived. Where another connection had the same addresses and ports,
# what was seen about its beginning or end may be that one's.
function seen_within(s: Socket, e: End): bool
	{
	local slack = e$reused ? -1sec : clock_tolerance;
	local last = s?$last ? s$last : network_time();
	return s$first <= e$end + slack && last >= e$start - slack;
	}

function held(local_h: addr, e: End): vector of Socket
	{
	local found: vector of Socket;
	if ( [local_h, e$local_p, e$remote_h, e$remote_p] !in connected )
		return found;

	for ( key in connected[local_h, e$local_p, e$remote_h, e$remote_p] )
		if ( seen_within(sockets[key], e) )
			found += sockets[key];

	return found;
	}

# A name without its domain.
function short_name(name: string): string
	{
	return to_lower(split_string1(name, /\./)[0]);
	}

# Each host has a loopback, and this Zeek sees that of its own machine alone.
function loopback_hosts(): set[string]
	{
	local hosts: set[string];
	for ( hid, h in osquery::hosts::known )
		if ( h$alive && ( loopback_host == "" ? short_name(h$hostname) == short_name(gethostname()) : hid == loopback_host ) )
			add hosts[hid];

	return hosts;
	}

global loopback_known: set[string];
global loopback_looked = double_to_time(0.0);

# The living hosts that have this address.
function hosts_at(a: addr): set[string]
	{
	if ( ! is_loopback(a) )
		return osquery::hosts::by_address(a);

	if ( network_time() - loopback_looked > 1sec )
		{
		loopback_looked = network_time();
		loopback_known = loopback_hosts();
		}

	return loopback_known;
	}

function holders(e: End): vector of Socket
	{
	local found = held(e$local_h, e);
	local mine: vector of Socket;
	if ( is_loopback(e$local_h) )
		{
		for ( _, l in found )
			if ( l$owner$hid in hosts_at(e$local_h) )
				mine += l;
		return mine;
		}

	if ( |found| > 0 )
		return found;

	# A container whose address the host replaces by its own keeps its port unless another has that already.
	for ( hid in osquery::hosts::by_address(e$local_h) )
		if ( hid in container_addresses )
			for ( a in container_addresses[hid] )
				for ( _, s in held(a, e) )
					if ( s$owner$hid == hid )
						mine += s;

	return mine;
	}

# Of several processes that held the same socket it is the one that connected it, or else the first one.
function first_holder(found: vector of Socket): vector of Owner
	{
	local owners: vector of Owner;
	for ( _, c in found )
		if ( c$connected_by_owner )
			owners += c$owner;

	if ( |owners| > 0 )
		return owners;

	local first = found[0]$first;
	for ( _, s in found )
		if ( s$first < first )
			first = s$first;

	for ( _, h in found )
		if ( h$first <= first + clock_tolerance )
			owners += h$owner;

	return owners;
	}

# How closely it is bound: to the address, to all of IPv4, to all; 0: not to this one.
function binding(s: Socket, a: addr): count
	{
	if ( s?$local_h )
		return s$local_h == a ? 3 : 0;

	if ( s$any_v4 )
		return is_v4_addr(a) ? 2 : 0;

	return 1;
	}

function listeners(hid: string, e: End): vector of Socket
	{
	local closest = 0;
	local found: vector of Socket;
	if ( [hid, e$local_p] !in unconnected )
		return found;

	for ( key in unconnected[hid, e$local_p] )
		{
		local s = sockets[key];
		local fit = binding(s, e$local_h);
		# Between two polls it may have begun or ceased to listen.
		local poll = query_interval * 1sec + clock_tolerance;
		local last = s?$last ? s$last : network_time();
		if ( fit == 0 || fit < closest || s$first - poll > e$start || last + poll < e$start ||
		     ( hid in foreign_processes && s$owner$pid in foreign_processes[hid] ) )
			next;

		if ( fit > closest )
			{
			closest = fit;
			found = vector();
			}
		found += s;
		}

	return found;
	}

event osquery::host_forgotten(host_id: string)
	{
	delete container_addresses[host_id];
	delete keys_of_host[host_id];
	delete foreign_processes[host_id];
	delete forking_processes[host_id];
	}

event zeek_init()
	{
	schedule 1sec { forget_gone() };
	}
