##! Requests of any node of a cluster travel to the node that owns the hosts, the manager.

@load ./groups

module osquery::hosts;

export {
	## A request on its way to the owner.
	global node_request: event(node: string, action: string, desired: DesiredQuery, target: osquery::Target);
	global node_grouping: event(node: string, action: string, range: subnet, group: string);
}

type NodeRequest: record {
	query: DesiredQuery;
	target: osquery::Target;
};

# What this node has asked of the owner, told again when the owner comes up: it may have started after us.
global asked: table[string] of NodeRequest;
global asked_groupings: set[string, subnet];

function this_node(): string
	{
	return Cluster::is_enabled() ? Cluster::node : "";
	}

function perform(node: string, action: string, desired: DesiredQuery, target: osquery::Target)
	{
	switch ( action )
		{
		case "subscribe":
			insert_subscription(node, desired, target);
			break;
		case "unsubscribe":
			remove_subscription(node, desired, target);
			break;
		case "execute":
			desired$utype = "SNAPSHOT";
			execute_query(desired, target);
			break;
		}
	}

function perform_grouping(node: string, action: string, range: subnet, group: string)
	{
	if ( action == "join" )
		insert_grouping(node, range, group);
	else
		remove_grouping(node, range, group);
	}

function request(action: string, q: osquery::Query, target: osquery::Target)
	{
	if ( ! q?$ev )
		{
		Reporter::warning(fmt("osquery: the query '%s' names no event for its rows, and is ignored", q$query));
		return;
		}

	local desired = to_desired_query(q);
	if ( osquery::is_owner() )
		{
		perform(this_node(), action, desired, target);
		return;
		}

	if ( action == "subscribe" )
		asked[key_of(desired, target)] = NodeRequest($query=desired, $target=target);
	else if ( action == "unsubscribe" )
		delete asked[key_of(desired, target)];

	osquery::publish(Cluster::manager_topic, osquery::make_event(node_request, this_node(), action, desired, target));
	}

function request_grouping(action: string, range: subnet, group: string)
	{
	if ( osquery::is_owner() )
		{
		perform_grouping(this_node(), action, range, group);
		return;
		}

	if ( action == "join" )
		add asked_groupings[group, range];
	else
		delete asked_groupings[group, range];

	osquery::publish(Cluster::manager_topic, osquery::make_event(node_grouping, this_node(), action, range, group));
	}

event node_request(node: string, action: string, desired: DesiredQuery, target: osquery::Target) &is_used
	{
	if ( osquery::is_owner() )
		perform(node, action, desired, target);
	}

event node_grouping(node: string, action: string, range: subnet, group: string) &is_used
	{
	if ( osquery::is_owner() )
		perform_grouping(node, action, range, group);
	}

event Cluster::node_up(name: string, id: string)
	{
	if ( osquery::is_owner() || name !in Cluster::nodes || Cluster::nodes[name]$node_type != Cluster::MANAGER )
		return;

	for ( _, r in asked )
		osquery::publish(Cluster::manager_topic, osquery::make_event(node_request, this_node(), "subscribe", r$query,
		                                                             r$target));

	for ( [group, range] in asked_groupings )
		osquery::publish(Cluster::manager_topic, osquery::make_event(node_grouping, this_node(), "join", range, group));
	}
