##! The table of hosts. The node that hosts connect to owns it (the manager, or a Zeek that is alone); it keeps the
##! other nodes' copies up to date.

@load ./log
@load ./messages
@load ./publish

module osquery::hosts;

export {
	## What is known of a host.
	type Host: record {
		id: string;
		## Its Broker endpoint while it is connected by Broker's own protocol.
		peer: string &default="";
		hostname: string &default="";
		addresses: set[addr] &default=set();
		## The groups that it says it is in.
		groups: set[string] &default=set();
		## The groups that it was told to join, see :zeek:see:`osquery::join`.
		assigned: set[string] &default=set();
		platform: string &default="";
		os_name: string &default="";
		agent_version: string &default="";
		alive: bool &default=T;
		last_seen: time;
		## The gateway that it comes through; empty: it is connected itself.
		gateway: string &default="";
		## Counts its connections: what was begun for an earlier one ends with it.
		session: count &default=0;
		## Whether its end is being waited for, see :zeek:see:`osquery::forget_hosts_after`.
		forget_scheduled: bool &default=F;
		## Whether it knows this package's own events; hosts with older extensions don't.
		syncs_queries: bool &default=F;
		## Hash of the queries that it was sent since the last round, and of those that it says it holds; empty: none, unknown.
		digest_sent: string &default="";
		digest_held: string &default="";
		## Hashes of desired and held queries when they last differed, and how often they did so in the same way.
		last_difference: string &default="";
		difference_repeats: count &default=0;
	};

	## All hosts that were seen since this Zeek started, by id. Read only.
	global known: table[string] of Host;

	## Ids of the living hosts that have this address.
	global by_address: function(a: addr): set[string];

	## Whether others can reach a host at this address: it is no loopback and not of one link alone.
	global is_reachable: function(a: addr): bool;

	## Whether a host is connected.
	global isHostAlive: function(host_id: string): bool;

	## A host's name; its id if it has told none.
	global hostname: function(host_id: string): string;

	## ``linux``, ``darwin`` or ``windows``; empty where the host has not told. osquery itself names the distribution.
	global platform_family: function(h: Host): string;

	## A host's groups, those that it was told to join, and all that enclose them: a host in ``geo/de`` is in ``geo``.
	global all_groups: function(h: Host): set[string];

	## A host's address has come or gone. Hosts with this project's extension report theirs; for others
	## ``logging/interfaces`` does.
	global update_address: function(host_id: string, a: addr, present: bool);

	## Whether one more message may go to a host now: so many in a while, whatever it answers. Where not,
	## :zeek:see:`osquery::hosts::host_due` comes when it may.
	global may_send: function(h: Host): bool;

	## It is time to compare what a host has with what it should have; raised on the node that owns the table.
	global host_due: event(host_id: string);

	## A host is gone, says somebody who knows.
	global lost: function(host_id: string, why: string);

	## Topics.
	global topic_all: function(): string;
	global topic_host: function(host_id: string): string;
	global topic_group: function(group: string): string;
	global topic_announce: function(): string;

	## Something about a host has changed; raised on the node that owns the table.
	global host_changed: event(host_id: string);

	## The owner's news for the other nodes.
	global host_copied: event(h: Host);
	global host_dropped: event(host_id: string);
}

module osquery;

export {
	## Whether a host is connected.
	global isHostAlive: function(host_id: string): bool;

	## Whether this node owns the table of hosts, speaks to them and gets their rows.
	global is_owner: function(): bool;
}

function is_owner(): bool
	{
	return ! Cluster::is_enabled() || Cluster::local_node_type() == Cluster::MANAGER;
	}

function isHostAlive(host_id: string): bool
	{
	return osquery::hosts::isHostAlive(host_id);
	}

module osquery::hosts;

# Ids of living hosts by address.
global addresses: table[addr] of set[string];

# Ids of hosts by their Broker endpoint.
global peers: table[string] of string;

function topic_all(): string
	{
	return osquery::TopicPrefix + "/hosts";
	}

function topic_host(host_id: string): string
	{
	return osquery::TopicPrefix + "/host/" + host_id;
	}

function topic_group(group: string): string
	{
	return osquery::TopicPrefix + "/group/" + group;
	}

function topic_announce(): string
	{
	return osquery::TopicPrefix + "/host_announce";
	}

function isHostAlive(host_id: string): bool
	{
	return host_id in known && known[host_id]$alive;
	}

function hostname(host_id: string): string
	{
	if ( host_id in known && known[host_id]$hostname != "" )
		return known[host_id]$hostname;

	return host_id;
	}

const unreachable: set[subnet] = { 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, [::]/127, [fe80::]/10 };

function is_reachable(a: addr): bool
	{
	return a !in unreachable;
	}

const own_families = set("darwin", "windows", "freebsd", "");

function platform_family(h: Host): string
	{
	return h$platform in own_families ? h$platform : "linux";
	}

function by_address(a: addr): set[string]
	{
	if ( a in addresses )
		return addresses[a];

	return set();
	}

function add_ancestors(groups: set[string], to: set[string])
	{
	for ( group in groups )
		{
		local path = "";
		for ( i, part in split_string(group, /\//) )
			{
			path = i == 0 ? part : path + "/" + part;
			if ( part != "" )
				add to[path];
			}
		}
	}

function all_groups(h: Host): set[string]
	{
	local groups: set[string];
	add_ancestors(h$groups, groups);
	add_ancestors(h$assigned, groups);
	return groups;
	}

function forget_addresses(h: Host)
	{
	for ( a in h$addresses )
		{
		if ( a !in addresses )
			next;

		delete addresses[a][h$id];
		if ( |addresses[a]| == 0 )
			delete addresses[a];
		}
	}

function note_addresses(h: Host)
	{
	for ( a in h$addresses )
		{
		if ( a !in addresses )
			addresses[a] = set();

		add addresses[a][h$id];
		}
	}

function addresses_as_text(set_: set[addr]): string
	{
	local texts: vector of string;
	for ( a in set_ )
		texts += cat(a);

	sort(texts, strcmp);
	return join_string_vec(texts, " ");
	}

# Messages that may go to one host within a window, requests of scripts apart: to one that joins go two or three.
const messages_per_window = 6;
const window = 10sec;

type Budget: record {
	since: time;
	sent: count &default=0;
	waits: bool &default=F;
};

global budgets: table[string] of Budget;

event osquery::hosts::host_due(host_id: string) &is_used
	{
	}

event window_over(host_id: string, since: time)
	{
	if ( host_id !in budgets || budgets[host_id]$since != since )
		return;

	local waited = budgets[host_id]$waits;
	delete budgets[host_id];
	if ( waited && isHostAlive(host_id) )
		event osquery::hosts::host_due(host_id);
	}

function may_send(h: Host): bool
	{
	if ( h$id !in budgets )
		{
		budgets[h$id] = Budget($since=current_time());
		schedule window { window_over(h$id, budgets[h$id]$since) };
		}

	local budget = budgets[h$id];
	if ( budget$sent >= messages_per_window )
		{
		budget$waits = T;
		return F;
		}

	++budget$sent;
	return T;
	}

# Tells the other nodes, where there are any.
function copy_to_nodes(h: Host)
	{
	if ( Cluster::is_enabled() )
		{
		osquery::publish(Cluster::worker_topic, osquery::make_event(host_copied, h));
		osquery::publish(Cluster::proxy_topic, osquery::make_event(host_copied, h));
		}
	}

function changed(h: Host)
	{
	copy_to_nodes(h);
	event host_changed(h$id);
	}

event host_changed(host_id: string) &is_used
	{
	}

event host_copied(h: Host) &is_used
	{
	if ( h$id in known )
		forget_addresses(known[h$id]);

	known[h$id] = h;
	if ( h$alive )
		note_addresses(h);
	}

event host_dropped(host_id: string) &is_used
	{
	if ( host_id !in known )
		return;

	forget_addresses(known[host_id]);
	delete known[host_id];
	event osquery::host_forgotten(host_id);
	}

event forget_host(host_id: string)
	{
	if ( host_id !in known )
		return;

	local h = known[host_id];
	h$forget_scheduled = F;
	if ( h$alive )
		return;

	local left = osquery::forget_hosts_after - ( current_time() - h$last_seen );
	if ( left > 0secs )
		{
		# It has been here since.
		h$forget_scheduled = T;
		schedule left { forget_host(host_id) };
		return;
		}

	if ( Cluster::is_enabled() )
		{
		osquery::publish(Cluster::worker_topic, osquery::make_event(host_dropped, host_id));
		osquery::publish(Cluster::proxy_topic, osquery::make_event(host_dropped, host_id));
		}

	event host_dropped(host_id);
	}

function update_address(host_id: string, a: addr, present: bool)
	{
	if ( host_id !in known || ( a in known[host_id]$addresses ) == present )
		return;

	local h = known[host_id];
	forget_addresses(h);
	if ( present )
		add h$addresses[a];
	else
		delete h$addresses[a];
	note_addresses(h);
	changed(h);
	}

# Processes that speak for a host: each start of its extension is another one.
type Instance: record {
	hostname: string;
	addresses: set[addr];
	first_seen: time;
	last_seen: time;
};

# By id of the host and of the instance; those that have been silent for long are let go.
global instances: table[string] of table[string] of Instance;

# Ids that two living hosts have, as long as both are heard.
global duplicates: set[string] &write_expire=3min;

# Of the instances with that id another one that has been heard after this one was first. A host that has restarted leaves
# one behind that is heard no more.
function other_instance(host_id: string, instance_id: string): string
	{
	if ( host_id !in instances || instance_id !in instances[host_id] )
		return "";

	local first = instances[host_id][instance_id]$first_seen;
	for ( other, i in instances[host_id] )
		if ( other != instance_id && i$last_seen > first )
			return other;

	return "";
	}

function instance_as_text(i: Instance): string
	{
	return fmt("%s (%s)", i$hostname, addresses_as_text(i$addresses));
	}

# Lets go of instances that have been silent for longer than a host may be.
function forget_instances(host_id: string)
	{
	if ( host_id !in instances )
		return;

	local silent: vector of string;
	for ( instance_id, i in instances[host_id] )
		if ( current_time() - i$last_seen > osquery::host_timeout )
			silent += instance_id;

	for ( _, id in silent )
		delete instances[host_id][id];
	}

function seen(host_id: string)
	{
	if ( host_id in known )
		known[host_id]$last_seen = current_time();
	}

function lost(host_id: string, why: string)
	{
	if ( ! isHostAlive(host_id) )
		return;

	if ( host_id in duplicates )
		{
		osquery::log_osquery("warning", host_id, fmt("One of the hosts with this id disconnected (%s)", why));
		return;
		}

	local h = known[host_id];
	h$alive = F;
	forget_addresses(h);
	if ( h$peer in peers && peers[h$peer] == host_id )
		delete peers[h$peer];

	osquery::log_osquery("info", host_id, fmt("Host disconnected (%s)", why));
	changed(h);
	event osquery::host_disconnected(host_id);
	if ( ! h$forget_scheduled )
		{
		h$forget_scheduled = T;
		schedule osquery::forget_hosts_after { forget_host(host_id) };
		}
	}

function same_texts(a: set[string], b: set[string]): bool
	{
	return |a| == |b| && |a & b| == |a|;
	}

# Each living host has its turn once in an interval, at a moment of its own: all at once would hold Zeek up.
event host_turn(host_id: string, session: count)
	{
	if ( ! isHostAlive(host_id) || known[host_id]$session != session )
		return;

	local h = known[host_id];
	# A host with an older extension has no reason to speak; its connection tells when it goes.
	if ( h$syncs_queries && current_time() - h$last_seen > osquery::host_timeout )
		{
		NOTICE([$note=osquery::Host_Silent, $msg=fmt("%s has been silent for %s", hostname(host_id), osquery::host_timeout),
		        $sub=host_id, $identifier=host_id]);
		lost(host_id, fmt("silent for %s", osquery::host_timeout));
		return;
		}

	h$digest_sent = "";
	h$digest_held = "";
	event osquery::hosts::host_due(host_id);
	schedule osquery::sync_interval { host_turn(host_id, session) };
	}

event osquery::hosts::host_new(peer_name: string, host_id: string, group_list: vector of string)
	{
	if ( ! osquery::is_owner() )
		return;

	local again = host_id in known && known[host_id]$alive && known[host_id]$peer == peer_name;
	if ( host_id !in known )
		known[host_id] = Host($id=host_id, $last_seen=current_time());

	local h = known[host_id];
	if ( h$peer != peer_name && h$peer in peers && peers[h$peer] == host_id )
		delete peers[h$peer];

	h$peer = peer_name;
	peers[peer_name] = host_id;
	local groups: set[string];
	for ( _, group in group_list )
		add groups[group];

	local news = ! again || ! same_texts(groups, h$groups);
	h$groups = groups;
	h$last_seen = current_time();
	h$alive = T;
	if ( ! again )
		{
		++h$session;
		h$syncs_queries = F;
		h$digest_sent = "";
		h$digest_held = "";
		}

	note_addresses(h);
	if ( news )
		changed(h);

	if ( ! again )
		{
		osquery::log_osquery("info", host_id, fmt("Host connected (endpoint %s, groups %s)", peer_name,
		                                          join_string_vec(group_list, ", ")));
		event osquery::host_connected(host_id);
		local first_turn = osquery::sync_interval * ( 0.5 + rand(1000) / 1000.0 );
		schedule first_turn { host_turn(host_id, h$session) };
		}
	}

event osquery::hosts::host_details_v1(host_id: string, details: HostDetailsV1)
	{
	if ( ! osquery::is_owner() || host_id !in known )
		return;

	local h = known[host_id];
	local groups: set[string];
	for ( _, group in details$groups )
		add groups[group];

	h$last_seen = current_time();
	# A host that says the same again and again is no news, and answered by nothing.
	if ( h$syncs_queries && same_texts(groups, h$groups) && |details$addresses| == |h$addresses| &&
	     |details$addresses & h$addresses| == |h$addresses| && details$hostname == h$hostname &&
	     details$platform == h$platform && details$os_name == h$os_name && details$agent_version == h$agent_version )
		return;

	forget_addresses(h);
	h$syncs_queries = T;
	h$hostname = details$hostname;
	h$addresses = details$addresses;
	h$platform = details$platform;
	h$os_name = details$os_name;
	h$agent_version = details$agent_version;
	h$groups = groups;
	if ( h$alive )
		note_addresses(h);

	osquery::log_osquery("info", host_id, fmt("Host is %s (%s, %s), agent %s", details$hostname, details$os_name,
	                                          addresses_as_text(details$addresses),
	                                          details$agent_version));
	changed(h);
	}

event osquery::hosts::host_farewell(host_id: string)
	{
	if ( osquery::is_owner() )
		lost(host_id, "it ended in good order");
	}

event osquery::hosts::host_log(host_id: string, msg: string)
	{
	seen(host_id);
	osquery::log_osquery("info", host_id, msg);
	}

event osquery::hosts::host_warning(host_id: string, msg: string)
	{
	seen(host_id);
	osquery::log_osquery("warning", host_id, msg);
	}

event osquery::hosts::host_error(host_id: string, msg: string)
	{
	seen(host_id);
	osquery::log_osquery("error", host_id, msg);
	NOTICE([$note=osquery::Host_Error, $msg=fmt("%s: %s", hostname(host_id), msg), $sub=host_id,
	        $identifier=cat(host_id, msg)]);
	}

event osquery::hosts::host_instance(host_id: string, instance_id: string, hostname: string, addresses: set[addr])
	{
	if ( ! osquery::is_owner() )
		return;

	seen(host_id);
	forget_instances(host_id);
	if ( host_id !in instances )
		instances[host_id] = table();

	local now = current_time();
	if ( instance_id !in instances[host_id] )
		instances[host_id][instance_id] = Instance($hostname=hostname, $addresses=addresses, $first_seen=now,
		                                           $last_seen=now);

	local i = instances[host_id][instance_id];
	i$hostname = hostname;
	i$addresses = addresses;
	i$last_seen = now;

	local other = other_instance(host_id, instance_id);
	if ( other == "" )
		return;

	add duplicates[host_id];
	local msg = fmt("two hosts have the id %s: %s and %s; give each its own uid", host_id,
	                instance_as_text(instances[host_id][other]), instance_as_text(i));
	osquery::log_osquery("warning", host_id, msg);
	NOTICE([$note=osquery::Host_Duplicate, $msg=msg, $sub=host_id, $identifier=host_id]);
	}

event osquery::hosts::host_gap(host_id: string, first: count, last: count, rows: count, reason: string)
	{
	seen(host_id);
	local msg = rows == 0 ? fmt("rows may be missing: %s", reason) :
	                        fmt("%d rows (numbers %d to %d) are lost: %s", rows, first, last, reason);
	osquery::log_osquery("error", host_id, msg);
	NOTICE([$note=osquery::Rows_Lost, $msg=fmt("%s: %s", hostname(host_id), msg), $sub=host_id, $n=rows]);
	}

event Broker::peer_lost(endpoint: Broker::EndpointInfo, msg: string)
	{
	if ( endpoint$id in peers )
		lost(peers[endpoint$id], msg);
	}

event Broker::peer_removed(endpoint: Broker::EndpointInfo, msg: string)
	{
	if ( endpoint$id in peers )
		lost(peers[endpoint$id], msg);
	}

@ifdef ( Cluster::websocket_client_lost )
event Cluster::websocket_client_lost(endpoint: Cluster::EndpointInfo, code: count, reason: string)
	{
	if ( endpoint$id in peers )
		lost(peers[endpoint$id], fmt("WebSocket closed with %d %s", code, reason));
	}
@endif

event zeek_init() &priority=-10
	{
	if ( ! osquery::is_owner() )
		return;

	osquery::listen_to(topic_announce());
	}

# A node that comes up later gets the whole table.
event Cluster::node_up(name: string, id: string)
	{
	if ( ! osquery::is_owner() )
		return;

	for ( _, h in known )
		osquery::publish(Cluster::node_topic(name), osquery::make_event(host_copied, h));
	}
