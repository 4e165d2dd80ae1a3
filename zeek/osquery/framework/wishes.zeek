##! What this Zeek wants of each host, compared with what the host holds: a request that was lost repairs itself.

@load base/utils/strings

@load ./hosts

module osquery::hosts;

export {
	## A query as it travels.
	global to_wish: function(q: osquery::Query): Wish;

	## A wish's canonical form: each field with its length in bytes.
	global wish_line: function(w: Wish): string;

	## The hash over a whole wish, computed alike by the hosts.
	global wish_digest: function(wishes: vector of Wish): string;

	## Which queries a host should have; scripts add to it by handling this hook.
	global collect_wishes: hook(h: Host, wishes: table[string] of Wish);

	## Tells a host what this Zeek's whole wish to it amounts to.
	global declare_wish: function(host_id: string);
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

function to_wish(q: osquery::Query): Wish
	{
	local inter = q?$inter ? q$inter : osquery::default_interval;
	# What osquery takes; the host would do the same, and the hash has to fit.
	if ( inter < 1 )
		inter = 1;
	if ( inter > 604800 )
		inter = 604800;

	return Wish($ev=osquery::event_name(q$ev), $query=q$query, $cookie=q$cookie,
	            $resT=q$resT == "" ? osquery::TopicPrefix + "/bro/" + osquery::endpoint_name : q$resT,
	            $utype=utype_text(q$utype), $inter=inter);
	}

function field(text: string): string
	{
	return cat(|text|, ":", text);
	}

function wish_line(w: Wish): string
	{
	return field(w$ev) + field(w$query) + field(w$cookie) + field(w$resT) + field(w$utype) + field(cat(w$inter));
	}

function wish_digest(wishes: vector of Wish): string
	{
	local lines: vector of string;
	for ( _, w in wishes )
		lines += wish_line(w);

	sort(lines, strcmp);
	local text = "";
	for ( _, line in lines )
		text += line + "\n";

	return sha256_hash(text);
	}

function whole_wish(host_id: string): vector of Wish
	{
	local by_line: table[string] of Wish;
	hook collect_wishes(known[host_id], by_line);
	local wishes: vector of Wish;
	for ( _, w in by_line )
		wishes += w;

	return wishes;
	}

function declare_wish(host_id: string)
	{
	local wishes = whole_wish(host_id);
	osquery::publish(topic_host(host_id), osquery::make_event(host_declare, zeek_instance, osquery::package_version,
	                                                          |wishes|, wish_digest(wishes)));
	}

event osquery::hosts::host_wish_held(host_id: string, instance: string, size: count, hash: string)
	{
	if ( ! osquery::is_owner() || host_id !in known || instance != zeek_instance )
		return;

	local h = known[host_id];
	h$last_seen = current_time();
	h$speaks_wishes = T;

	local wishes = whole_wish(host_id);
	local wanted = wish_digest(wishes);
	# What is on its way already needn't be sent again before the next round.
	if ( ( size == |wishes| && hash == wanted ) || h$wish_sent == wanted )
		return;

	h$wish_sent = wanted;

	# A host that refuses a query (it lacks the table, say) differs for ever: after a few rounds, ask it rarely.
	local difference = wanted + hash;
	h$wish_repeats = h$wish_difference == difference ? h$wish_repeats + 1 : 0;
	h$wish_difference = difference;
	if ( h$wish_repeats > 2 && h$wish_repeats % 30 != 0 )
		return;

	osquery::log_osquery("debug", host_id, fmt("Host holds %d queries of %d, or others: sending all", size, |wishes|));
	osquery::publish(topic_host(host_id), osquery::make_event(host_wish, zeek_instance, wishes));
	}

# What a host is wished may depend on its groups and addresses.
event osquery::hosts::host_changed(host_id: string)
	{
	if ( isHostAlive(host_id) )
		declare_wish(host_id);
	}

# Each host has its turn once in an interval: all at once, ten thousand would hold Zeek up for a second, and then all
# answer at once.
const turns = 60;
global turn = 0;

event declare_wishes()
	{
	turn = ( turn + 1 ) % turns;
	for ( host_id, h in known )
		if ( h$alive && fnv1a32(host_id) % turns == turn )
			{
			h$wish_sent = "";
			declare_wish(host_id);
			}

	schedule osquery::wish_interval / turns { declare_wishes() };
	}

event zeek_init() &priority=100
	{
	zeek_instance = unique_id("osquery-");
	}

event zeek_init() &priority=-10
	{
	if ( osquery::is_owner() )
		schedule osquery::wish_interval / turns { declare_wishes() };
	}
