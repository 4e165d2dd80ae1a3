##! Subscriptions: which queries which hosts are to run.

@load ./desired-queries

module osquery;

export {
	## Whom a query is for. All empty: every host, those included that connect later.
	type Target: record {
		hosts: set[string] &default=set();
		## With all groups that they enclose.
		groups: set[string] &default=set();
		## Hosts that have an address in one of them.
		subnets: set[subnet] &default=set();
		## Of all these only the hosts with one of these platforms: ``linux``, ``darwin``, ``windows``, or what osquery
		## calls it (``debian``). Empty: all. A host with an extension of before 2026 tells none.
		platforms: set[string] &default=set();
	};

	## Subscribes to a query of the hosts that a target describes.
	global subscribe_to: function(q: Query, target: Target);
	global unsubscribe_from: function(q: Query, target: Target);

	## Subscribes to a query: of one host, of a group, or (neither given) of all.
	global subscribe: function(q: Query, host: string &default="", group: string &default="");
	global unsubscribe: function(q: Query, host: string &default="", group: string &default="");

	## Subscribes to a query of several hosts and groups.
	global subscribe_multiple: function(q: Query, host_list: vector of string &default=vector(""),
	                                    group_list: vector of string &default=vector(""));
	global unsubscribe_multiple: function(q: Query, host_list: vector of string &default=vector(""),
	                                      group_list: vector of string &default=vector(""));

	## Subscribes to a query of all hosts that have an address in a subnet, now or later.
	global subscribe_subnet: function(q: Query, range: subnet);
	global unsubscribe_subnet: function(q: Query, range: subnet);

	## Runs a query once, on the hosts that are connected now; all its rows come as SNAPSHOT.
	global execute: function(q: Query, host: string &default="", group: string &default="");
	global execute_multiple: function(q: Query, host_list: vector of string &default=vector(""),
	                                  group_list: vector of string &default=vector(""));
	global execute_subnet: function(q: Query, range: subnet);
}

module osquery::hosts;

export {
	type Subscription: record {
		query: DesiredQuery;
		target: osquery::Target;
		## The nodes that asked for it.
		nodes: set[string];
	};

	## All subscriptions, on the node that owns the hosts. Read only.
	global subscriptions: table[string] of Subscription;

	## Sends a single request to a topic of hosts.
	global send_subscribe: function(topic: string, query: osquery::Query);
	global send_unsubscribe: function(topic: string, query: osquery::Query);
	global send_execute: function(topic: string, q: osquery::Query);

	## The owner's part; other nodes have their requests carried here.
	global insert_subscription: function(node: string, desired: DesiredQuery, target: osquery::Target);
	global remove_subscription: function(node: string, desired: DesiredQuery, target: osquery::Target);
	global execute_query: function(desired: DesiredQuery, target: osquery::Target);
	## Takes back a query to run once, where it waits. Hosts do so for consoles' queries.
	global cancel_query: function(desired: DesiredQuery, target: osquery::Target);

	## Whether a host is meant.
	global matches: function(h: Host, target: osquery::Target): bool;

	## The events that this Zeek takes rows as, and has ever taken since it started.
	global row_events: set[string];

	## There is one more of them; raised on the node that owns the hosts.
	global row_event_added: event(name: string);

	## A request of this node, which is the owner's or travels to it. ``action``: subscribe, unsubscribe or execute.
	global request: function(action: string, q: osquery::Query, target: osquery::Target);
}

event row_event_added(name: string) &is_used
	{
	}

# Rows of the query may come from now on.
function expect_rows(desired: DesiredQuery)
	{
	osquery::listen_to(desired$resT);
	if ( desired$ev in row_events )
		return;

	add row_events[desired$ev];
	event row_event_added(desired$ev);
	}

function publish_subscribe(topic: string, desired: DesiredQuery)
	{
	expect_rows(desired);
	osquery::publish(topic, osquery::make_event(host_subscribe, desired$ev, desired$query, desired$cookie, desired$resT,
	                                             desired$utype, desired$inter));
	}

function publish_unsubscribe(topic: string, desired: DesiredQuery)
	{
	osquery::publish(topic, osquery::make_event(host_unsubscribe, desired$ev, desired$query, desired$cookie, desired$resT,
	                                             desired$utype, desired$inter));
	}

function publish_execute(topic: string, desired: DesiredQuery)
	{
	expect_rows(desired);
	osquery::publish(topic, osquery::make_event(host_execute, desired$ev, desired$query, desired$cookie, desired$resT,
	                                             desired$utype));
	}

function send_subscribe(topic: string, query: osquery::Query)
	{
	publish_subscribe(topic, to_desired_query(query));
	}

function send_unsubscribe(topic: string, query: osquery::Query)
	{
	publish_unsubscribe(topic, to_desired_query(query));
	}

function send_execute(topic: string, q: osquery::Query)
	{
	local desired = to_desired_query(q);
	desired$utype = "SNAPSHOT";
	publish_execute(topic, desired);
	}

function for_all(target: osquery::Target): bool
	{
	return |target$hosts| == 0 && |target$groups| == 0 && |target$subnets| == 0;
	}

function on_platform(h: Host, target: osquery::Target): bool
	{
	return |target$platforms| == 0 || platform_family(h) in target$platforms || h$platform in target$platforms;
	}

function matches(h: Host, target: osquery::Target): bool
	{
	if ( ! on_platform(h, target) )
		return F;

	if ( for_all(target) || h$id in target$hosts )
		return T;

	local groups = all_groups(h);
	for ( group in target$groups )
		if ( group in groups )
			return T;

	for ( range in target$subnets )
		for ( a in h$addresses )
			if ( a in range )
				return T;

	return F;
	}

function sorted_words(words: set[string]): string
	{
	local list: vector of string;
	for ( word in words )
		list += cat(|word|, ":", word);

	sort(list, strcmp);
	return join_string_vec(list, ",");
	}

function key_of(desired: DesiredQuery, target: osquery::Target): string
	{
	local ranges: set[string];
	for ( range in target$subnets )
		add ranges[cat(range)];

	return fmt("%s|%s|%s|%s|%s", canonical_line(desired), sorted_words(target$hosts), sorted_words(target$groups),
	           sorted_words(ranges), sorted_words(target$platforms));
	}

# The topics that reach a target; a subnet or a platform has none of its own, so its living hosts are addressed one by
# one.
function topics_of(target: osquery::Target): set[string]
	{
	local topics: set[string];
	if ( |target$platforms| > 0 )
		{
		for ( host_id, host in known )
			if ( host$alive && matches(host, target) )
				add topics[topic_host(host_id)];

		return topics;
		}

	if ( for_all(target) )
		add topics[topic_all()];

	for ( named in target$hosts )
		add topics[topic_host(named)];

	for ( group in target$groups )
		add topics[topic_group(group)];

	if ( |target$subnets| > 0 )
		for ( id, h in known )
			if ( h$alive && matches(h, osquery::Target($subnets=target$subnets)) )
				add topics[topic_host(id)];

	return topics;
	}

function insert_subscription(node: string, desired: DesiredQuery, target: osquery::Target)
	{
	local key = key_of(desired, target);
	if ( key in subscriptions )
		{
		add subscriptions[key]$nodes[node];
		return;
		}

	subscriptions[key] = Subscription($query=desired, $target=target, $nodes=set(node));
	expect_rows(desired);
	for ( topic in topics_of(target) )
		{
		osquery::log_osquery("debug", topic, fmt("Subscribing to %s for '%s'", desired$ev, desired$query));
		publish_subscribe(topic, desired);
		}
	}

function remove_subscription(node: string, desired: DesiredQuery, target: osquery::Target)
	{
	local key = key_of(desired, target);
	if ( key !in subscriptions )
		return;

	delete subscriptions[key]$nodes[node];
	if ( |subscriptions[key]$nodes| > 0 )
		return;

	delete subscriptions[key];

	local line = canonical_line(desired);
	local elsewhere = F;
	for ( _, s in subscriptions )
		if ( canonical_line(s$query) == line )
			elsewhere = T;

	osquery::log_osquery("debug", "", fmt("Unsubscribing from %s for '%s'", desired$ev, desired$query));
	if ( ! elsewhere )
		{
		for ( topic in topics_of(target) )
			publish_unsubscribe(topic, desired);

		return;
		}

	# Another subscription wants the same of some of these hosts.
	for ( id, h in known )
		{
		if ( ! h$alive || ! matches(h, target) )
			next;

		local queries: table[string] of DesiredQuery = table();
		hook collect_desired_queries(h, queries);
		if ( line !in queries )
			publish_unsubscribe(topic_host(id), desired);
		}
	}

function execute_query(desired: DesiredQuery, target: osquery::Target)
	{
	for ( topic in topics_of(target) )
		{
		osquery::log_osquery("debug", topic, fmt("Executing %s for '%s'", desired$ev, desired$query));
		publish_execute(topic, desired);
		}
	}

function cancel_query(desired: DesiredQuery, target: osquery::Target)
	{
	for ( topic in topics_of(target) )
		publish_unsubscribe(topic, desired);
	}

hook collect_desired_queries(h: Host, queries: table[string] of DesiredQuery)
	{
	for ( _, s in subscriptions )
		if ( matches(h, s$target) )
			queries[canonical_line(s$query)] = s$query;
	}

# Hosts with older extensions know nothing of all that is desired at once: each is asked one by one, as ever.
event ask_older_host(host_id: string, session: count)
	{
	if ( ! isHostAlive(host_id) || known[host_id]$session != session || known[host_id]$syncs_queries )
		return;

	local queries: table[string] of DesiredQuery;
	hook collect_desired_queries(known[host_id], queries);
	for ( _, desired in queries )
		publish_subscribe(topic_host(host_id), desired);
	}

event osquery::host_connected(host_id: string) &priority=5
	{
	if ( osquery::is_owner() && host_id in known )
		schedule osquery::legacy_grace { ask_older_host(host_id, known[host_id]$session) };
	}

module osquery;

function target_of(host_list: vector of string, group_list: vector of string): Target
	{
	local target = Target();
	for ( _, host in host_list )
		if ( host != "" )
			add target$hosts[host];

	for ( _, group in group_list )
		if ( group != "" )
			add target$groups[group];

	return target;
	}

function subscribe(q: Query, host: string, group: string)
	{
	osquery::hosts::request("subscribe", q, target_of(vector(host), vector(group)));
	}

function unsubscribe(q: Query, host: string, group: string)
	{
	osquery::hosts::request("unsubscribe", q, target_of(vector(host), vector(group)));
	}

function execute(q: Query, host: string, group: string)
	{
	osquery::hosts::request("execute", q, target_of(vector(host), vector(group)));
	}

function subscribe_multiple(q: Query, host_list: vector of string, group_list: vector of string)
	{
	osquery::hosts::request("subscribe", q, target_of(host_list, group_list));
	}

function unsubscribe_multiple(q: Query, host_list: vector of string, group_list: vector of string)
	{
	osquery::hosts::request("unsubscribe", q, target_of(host_list, group_list));
	}

function execute_multiple(q: Query, host_list: vector of string, group_list: vector of string)
	{
	osquery::hosts::request("execute", q, target_of(host_list, group_list));
	}

function subscribe_to(q: Query, target: Target)
	{
	osquery::hosts::request("subscribe", q, target);
	}

function unsubscribe_from(q: Query, target: Target)
	{
	osquery::hosts::request("unsubscribe", q, target);
	}

function subscribe_subnet(q: Query, range: subnet)
	{
	osquery::hosts::request("subscribe", q, Target($subnets=set(range)));
	}

function unsubscribe_subnet(q: Query, range: subnet)
	{
	osquery::hosts::request("unsubscribe", q, Target($subnets=set(range)));
	}

function execute_subnet(q: Query, range: subnet)
	{
	osquery::hosts::request("execute", q, Target($subnets=set(range)));
	}
