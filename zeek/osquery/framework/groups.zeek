##! Groups that hosts join because of their addresses.

@load ./subscriptions

module osquery;

export {
	## Makes the hosts of a subnet join a group: those that are connected, and those that will be.
	global join: function(range: subnet, group: string);

	## Takes that back.
	global leave: function(range: subnet, group: string);

	## The same for several subnets.
	global join_multiple: function(range_list: vector of subnet, group: string);
	global leave_multiple: function(range_list: vector of subnet, group: string);

	## As zeek-osquery spelt it.
	global leave_mutiple: function(range_list: vector of subnet, group: string);
}

module osquery::hosts;

export {
	## Which subnets' hosts are to be in a group, and which nodes want that. Read only.
	global groupings: table[string, subnet] of set[string];

	## Sends a single request to a topic of hosts.
	global send_join: function(host_topic: string, group: string);
	global send_leave: function(host_topic: string, group: string);

	## The owner's part.
	global insert_grouping: function(node: string, range: subnet, group: string);
	global remove_grouping: function(node: string, range: subnet, group: string);

	## The groups that a host is to be in; scripts add to it by handling this hook. Evaluated on the owner.
	global collect_groups: hook(h: Host, groups: set[string]);

	## Compares the groups that a host should be in with those that it is in, and has it join and leave.
	global regroup: function(host_id: string);

	## A request of this node: join or leave.
	global request_grouping: function(action: string, range: subnet, group: string);
}

function send_join(host_topic: string, group: string)
	{
	osquery::log_osquery("info", host_topic, fmt("Joining group '%s'", group));
	osquery::publish(host_topic, osquery::make_event(host_join, group));
	}

function send_leave(host_topic: string, group: string)
	{
	osquery::log_osquery("info", host_topic, fmt("Leaving group '%s'", group));
	osquery::publish(host_topic, osquery::make_event(host_leave, group));
	}

# Compares the groups that a host should be in with those that it was told to join and those that it says it is in.
# Returns whether something has changed.
function assign_groups(h: Host): bool
	{
	local news = F;
	local wanted: set[string];
	hook collect_groups(h, wanted);

	local superfluous: set[string];
	for ( old in h$assigned )
		if ( old !in wanted )
			add superfluous[old];

	for ( gone in superfluous )
		{
		if ( ! may_send(h) )
			return news;

		news = T;
		delete h$assigned[gone];
		send_leave(topic_host(h$id), gone);
		}

	for ( group in wanted )
		{
		# A host that tells its groups and lacks one has missed the request.
		if ( group in h$assigned && ( ! h$syncs_queries || group in h$groups ) )
			next;

		if ( group !in h$groups )
			{
			# What can't be said now is said when the host has its turn.
			if ( ! may_send(h) )
				return news;

			send_join(topic_host(h$id), group);
			}

		news = T;
		add h$assigned[group];
		}

	return news;
	}

hook collect_groups(h: Host, groups: set[string])
	{
	for ( [group, range] in groupings )
		for ( a in h$addresses )
			if ( a in range )
				add groups[group];
	}

function regroup(host_id: string)
	{
	if ( isHostAlive(host_id) && assign_groups(known[host_id]) )
		declare_desired_queries(host_id);
	}

function assign_all()
	{
	for ( _, h in known )
		if ( h$alive )
			{
			if ( assign_groups(h) )
				declare_desired_queries(h$id);
			}
	}

function insert_grouping(node: string, range: subnet, group: string)
	{
	if ( [group, range] !in groupings )
		groupings[group, range] = set();

	add groupings[group, range][node];
	assign_all();
	}

function remove_grouping(node: string, range: subnet, group: string)
	{
	if ( [group, range] !in groupings )
		return;

	delete groupings[group, range][node];
	if ( |groupings[group, range]| == 0 )
		{
		delete groupings[group, range];
		assign_all();
		}
	}

event osquery::hosts::host_changed(host_id: string) &priority=5
	{
	if ( isHostAlive(host_id) )
		assign_groups(known[host_id]);
	}

event osquery::hosts::host_due(host_id: string) &priority=5
	{
	if ( isHostAlive(host_id) )
		assign_groups(known[host_id]);
	}

event osquery::host_connected(host_id: string) &priority=10
	{
	# A host that has started anew has forgotten the groups that it was told to join.
	if ( host_id in known )
		{
		known[host_id]$assigned = set();
		assign_groups(known[host_id]);
		}
	}

module osquery;

function join(range: subnet, group: string)
	{
	osquery::hosts::request_grouping("join", range, group);
	}

function leave(range: subnet, group: string)
	{
	osquery::hosts::request_grouping("leave", range, group);
	}

function join_multiple(range_list: vector of subnet, group: string)
	{
	for ( _, range in range_list )
		join(range, group);
	}

function leave_multiple(range_list: vector of subnet, group: string)
	{
	for ( _, range in range_list )
		leave(range, group);
	}

function leave_mutiple(range_list: vector of subnet, group: string)
	{
	leave_multiple(range_list, group);
	}
