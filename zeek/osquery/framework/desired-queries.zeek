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

	## Tells a host how many queries this Zeek desires on it, and their hash.
	global declare_desired_queries: function(host_id: string);
}

# New at each start of this Zeek.
global zeek_instance: string;

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
	local queries = desired_queries(host_id);
	osquery::publish(topic_host(host_id), osquery::make_event(host_declare, zeek_instance, osquery::package_version,
	                                                          |queries|, query_digest(queries)));
	}

event osquery::hosts::host_queries_held(host_id: string, instance: string, size: count, hash: string)
	{
	if ( ! osquery::is_owner() || host_id !in known || instance != zeek_instance )
		return;

	local h = known[host_id];
	h$last_seen = current_time();
	h$syncs_queries = T;

	local queries = desired_queries(host_id);
	local wanted = query_digest(queries);
	# What is on its way already needn't be sent again before the next round.
	if ( ( size == |queries| && hash == wanted ) || h$digest_sent == wanted )
		return;

	h$digest_sent = wanted;

	# A host that refuses a query (it lacks the table, say) differs for ever: after a few rounds, ask it rarely.
	local difference = wanted + hash;
	h$difference_repeats = h$last_difference == difference ? h$difference_repeats + 1 : 0;
	h$last_difference = difference;
	if ( h$difference_repeats > 2 && h$difference_repeats % 30 != 0 )
		return;

	osquery::log_osquery("debug", host_id, fmt("Host holds %d queries of %d, or others: sending all", size, |queries|));
	osquery::publish(topic_host(host_id), osquery::make_event(host_desired_queries, zeek_instance, queries));
	}

# Which queries are desired on a host may depend on its groups and addresses.
event osquery::hosts::host_changed(host_id: string)
	{
	if ( isHostAlive(host_id) )
		declare_desired_queries(host_id);
	}

# The hosts are spread over the interval: all at once, ten thousand would hold Zeek up for a second, and then all answer
# at once.
const sync_slots = 60;
global sync_slot = 0;

event declare_to_due_hosts()
	{
	sync_slot = ( sync_slot + 1 ) % sync_slots;
	for ( host_id, h in known )
		if ( h$alive && fnv1a32(host_id) % sync_slots == sync_slot )
			{
			h$digest_sent = "";
			declare_desired_queries(host_id);
			}

	schedule osquery::sync_interval / sync_slots { declare_to_due_hosts() };
	}

event zeek_init() &priority=100
	{
	zeek_instance = unique_id("osquery-");
	}

event zeek_init() &priority=-10
	{
	if ( osquery::is_owner() )
		schedule osquery::sync_interval / sync_slots { declare_to_due_hosts() };
	}
