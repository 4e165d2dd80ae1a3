##! The queries that this Zeek desires on each host, compared with those that the host holds: a lost request repairs
##! itself.

@load base/utils/strings

@load ./hosts

module osquery::hosts;

export {
	## A query as it travels.
	global to_desired_query: function(q: osquery::Query): DesiredQuery;

	## A query's canonical form: each field with its length in bytes.
	global canonical_line: function(desired: DesiredQuery): string;

	## The hash over all desired queries, computed alike by the hosts.
	global query_digest: function(queries: vector of DesiredQuery): string;

	## Which queries a host should have; scripts add to it by handling this hook.
	global collect_desired_queries: hook(h: Host, queries: table[string] of DesiredQuery);

	## This Zeek since its start: new at each.
	global zeek_instance: string;

	## Tells a host how many queries this Zeek desires on it, and their hash.
	global declare_desired_queries: function(host_id: string);
}

function utype_text(utype: osquery::UpdateType): string
	{
	switch ( utype )
		{
		case osquery::ADD:
			return "ADDED";
		case osquery::REMOVE:
			return "REMOVED";
		case osquery::SNAPSHOT:
			return "SNAPSHOT";
		default:
			return "BOTH";
		}
	}

function to_desired_query(q: osquery::Query): DesiredQuery
	{
	local inter = q?$inter ? q$inter : osquery::default_interval;
	# What osquery takes; the host would do the same, and the hash has to fit.
	if ( inter < 1 )
		inter = 1;
	if ( inter > 604800 )
		inter = 604800;

	return DesiredQuery($ev=osquery::event_name(q$ev), $query=q$query, $cookie=q$cookie,
	                    $resT=q$resT == "" ? osquery::TopicPrefix + "/bro/" + osquery::endpoint_name : q$resT,
	                    $utype=utype_text(q$utype), $inter=inter);
	}

function field(text: string): string
	{
	return cat(|text|, ":", text);
	}

function canonical_line(desired: DesiredQuery): string
	{
	return field(desired$ev) + field(desired$query) + field(desired$cookie) + field(desired$resT) +
	       field(desired$utype) + field(cat(desired$inter));
	}

function query_digest(queries: vector of DesiredQuery): string
	{
	local lines: vector of string;
	for ( _, desired in queries )
		lines += canonical_line(desired);

	sort(lines, strcmp);
	local text = "";
	for ( _, line in lines )
		text += line + "\n";

	return sha256_hash(text);
	}

function desired_queries(host_id: string): vector of DesiredQuery
	{
	local by_line: table[string] of DesiredQuery;
	hook collect_desired_queries(known[host_id], by_line);
	local queries: vector of DesiredQuery;
	for ( _, desired in by_line )
		queries += desired;

	return queries;
	}

function declare_desired_queries(host_id: string)
	{
	if ( host_id !in known || ! may_send(known[host_id]) )
		return;

	local queries = desired_queries(host_id);
	osquery::publish(topic_host(host_id), osquery::make_event(host_declare, zeek_instance, osquery::package_version,
	                                                          |queries|, query_digest(queries)));
	}

# Sends a host all that is desired on it, unless it has that, or it is on its way.
function send_where_different(h: Host)
	{
	local queries = desired_queries(h$id);
	local wanted = query_digest(queries);
	if ( h$digest_held == wanted || h$digest_sent == wanted )
		return;

	# A host that refuses a query (it lacks the table, say) differs for ever: after a few rounds, ask it rarely.
	local difference = wanted + h$digest_held;
	h$difference_repeats = h$last_difference == difference ? h$difference_repeats + 1 : 0;
	h$last_difference = difference;
	h$digest_sent = wanted;
	if ( h$difference_repeats > 2 && h$difference_repeats % 30 != 0 )
		return;

	if ( ! may_send(h) )
		{
		h$digest_sent = "";
		return;
		}

	osquery::log_osquery("debug", h$id, fmt("Host holds other queries than the %d desired: sending all", |queries|));
	osquery::publish(topic_host(h$id), osquery::make_event(host_desired_queries, zeek_instance, queries));
	}

event osquery::hosts::host_queries_held(host_id: string, instance: string, size: count, hash: string)
	{
	if ( ! osquery::is_owner() || host_id !in known || instance != zeek_instance )
		return;

	local h = known[host_id];
	h$last_seen = current_time();
	h$syncs_queries = T;
	h$digest_held = hash;
	send_where_different(h);
	}

# A host that introduces itself is told at once: over each connection anew, for it may be another.
event osquery::hosts::host_new(peer_name: string, host_id: string, group_list: vector of string) &priority=-5
	{
	if ( osquery::is_owner() && isHostAlive(host_id) )
		declare_desired_queries(host_id);
	}

# Which queries are desired on a host may depend on its groups and addresses. One that has not said yet what it holds
# is about to.
event osquery::hosts::host_changed(host_id: string)
	{
	if ( osquery::is_owner() && isHostAlive(host_id) && known[host_id]$digest_held != "" )
		send_where_different(known[host_id]);
	}

event osquery::hosts::host_due(host_id: string)
	{
	if ( isHostAlive(host_id) )
		declare_desired_queries(host_id);
	}

event zeek_init() &priority=100
	{
	zeek_instance = unique_id("osquery-");
	}
