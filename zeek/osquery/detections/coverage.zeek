##! Who is missing: a host that has fallen silent on osquery and is seen on the network, and a machine on a network where
##! each should run osquery, and which doesn't.

@load base/protocols/conn
@load ./finding

module osquery::coverage;

export {
	redef enum Notice::Type += {
		## A host's osquery has been silent for a while, and the host is seen on the network.
		Silent_Host_Seen,
		## A machine is on a managed network and no host of this Zeek's.
		Unmanaged_Machine,
	};

	## How long a host may be away before its traffic counts: extensions and osqueryd are restarted, hosts too.
	option away = 10min;

	## Networks where each machine should be a host of this Zeek's; empty: none.
	option managed_networks: set[subnet] = {};

	## What needn't be: printers, switches, addresses that are shared.
	option unmanaged_ok: set[subnet] = {};

	## How long a machine may be seen before its osquery has to be there.
	option grace = 15min;

	option suppress = 1day;

	## From the node that has seen it to that which owns the hosts.
	global address_seen: event(a: addr, uid: string, at: time);

	## News for all nodes: whose addresses to look out for.
	global host_away: event(hid: string, addresses: set[addr], since: time);
	global host_back: event(hid: string);
}

type Away: record {
	hid: string;
	since: time;
};

# Addresses of hosts that are away, on every node.
global away_addresses: table[addr] of Away;

# Addresses that were told of lately, on the node that sees the traffic.
global told: set[addr] &create_expire=1min;

# Machines on managed networks that no host has, on the node that owns the hosts.
global strangers: table[addr] of time &read_expire=1day;

event host_away(hid: string, addresses: set[addr], since: time) &is_used
	{
	for ( a in addresses )
		away_addresses[a] = Away($hid=hid, $since=since);
	}

event host_back(hid: string) &is_used
	{
	for ( a, away_ in copy(away_addresses) )
		if ( away_$hid == hid )
			delete away_addresses[a];
	}

function tell_away(hid: string, addresses: set[addr], since: time)
	{
	event host_away(hid, addresses, since);
	if ( Cluster::is_enabled() )
		osquery::publish(Cluster::worker_topic, osquery::make_event(host_away, hid, addresses, since));
	}

event osquery::host_disconnected(host_id: string)
	{
	if ( ! osquery::is_owner() || host_id !in osquery::hosts::known )
		return;

	local reachable: set[addr];
	for ( a in osquery::hosts::known[host_id]$addresses )
		if ( osquery::hosts::is_reachable(a) )
			add reachable[a];

	tell_away(host_id, reachable, network_time());
	}

function back(host_id: string)
	{
	event host_back(host_id);
	if ( Cluster::is_enabled() )
		osquery::publish(Cluster::worker_topic, osquery::make_event(host_back, host_id));
	}

event osquery::host_connected(host_id: string)
	{
	back(host_id);
	}

event osquery::host_forgotten(host_id: string)
	{
	back(host_id);
	}

function tell(a: addr, c: connection)
	{
	if ( a in told )
		return;

	# An address that another host has now says nothing of the one that is away.
	if ( |osquery::hosts::by_address(a)| > 0 )
		return;

	if ( ( a !in away_addresses || c$start_time < away_addresses[a]$since + away ) &&
	     ( a !in managed_networks || a in unmanaged_ok ) )
		return;

	add told[a];
	if ( osquery::is_owner() )
		event address_seen(a, c$uid, c$start_time);
	else
		osquery::publish(Cluster::manager_topic, osquery::make_event(address_seen, a, c$uid, c$start_time));
	}

# Only a machine that has said something is one: who is asked needn't exist.
event connection_state_remove(c: connection)
	{
	if ( |away_addresses| == 0 && |managed_networks| == 0 )
		return;

	tell(c$id$orig_h, c);
	if ( c$resp$size > 0 || ( c?$conn && c$conn?$history && /[hdaSHDA]/ in c$conn$history && /[hda]/ in c$conn$history ) )
		tell(c$id$resp_h, c);
	}

event address_seen(a: addr, uid: string, at: time) &is_used
	{
	if ( |osquery::hosts::by_address(a)| > 0 )
		return;

	if ( a in away_addresses )
		{
		local gone = away_addresses[a];
		if ( at >= gone$since + away )
			osquery::detections::raise([$note=Silent_Host_Seen, $src=a, $uid=uid, $hid=gone$hid, $since=gone$since,
			    $msg=fmt("%s has been silent on osquery since %s, and is seen on the network (%s)",
			             osquery::hosts::hostname(gone$hid), strftime("%Y-%m-%d %H:%M:%S", gone$since), a),
			    $identifier=gone$hid, $techniques=set("T1562.001"), $suppress_for=suppress]);
		return;
		}

	if ( a !in managed_networks || a in unmanaged_ok )
		return;

	if ( a !in strangers )
		strangers[a] = at;

	if ( at - strangers[a] < grace )
		return;

	osquery::detections::raise([$note=Unmanaged_Machine, $src=a, $uid=uid, $since=strangers[a],
	    $msg=fmt("%s is on the network since %s and has no osquery", a,
	             strftime("%Y-%m-%d %H:%M:%S", strangers[a])),
	    $identifier=cat(a), $suppress_for=suppress]);
	}

event osquery::hosts::host_changed(host_id: string)
	{
	if ( osquery::isHostAlive(host_id) )
		for ( a in osquery::hosts::known[host_id]$addresses )
			delete strangers[a];
	}

# A node that comes up later gets all that are away.
event Cluster::node_up(name: string, id: string)
	{
	if ( ! osquery::is_owner() || name !in Cluster::nodes || Cluster::nodes[name]$node_type != Cluster::WORKER )
		return;

	for ( a, gone in away_addresses )
		osquery::publish(Cluster::node_topic(name), osquery::make_event(host_away, gone$hid, set(a), gone$since));
	}
