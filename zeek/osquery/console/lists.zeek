##! What consoles are told of hosts and queries.

@load ./queries
@load ./activity

module osquery::console;

export {
	## What is known of a host, as consoles see it.
	type HostFacts: record {
		id: string;
		name: string;
		addresses: set[addr];
		groups: set[string];
		platform: string;
		os: string;
		version: string;
		connected: bool;
		since: time &optional;
		last_seen: time;
		## The gateway that it comes through; empty: none.
		gateway: string;
		## Unset: nobody has counted them.
		rows: count &optional;
		rate: double &optional;
		lag: interval &optional;
		warnings: count;
	};

	type QueryFacts: record {
		event_name: string;
		update: string;
		interval_seconds: count;
		target: string;
		## Which nodes of this Zeek, or which console, want it.
		wanted_by: vector of string;
		## Rows that have come as its event since this Zeek started, those of all queries with the same event.
		rows: count &optional;
	};
}

const busiest_hosts = 20;

function facts_of(h: osquery::hosts::Host): HostFacts
	{
	local facts = HostFacts($id=h$id, $name=h$hostname, $addresses=h$addresses, $groups=osquery::hosts::all_groups(h),
	                        $platform=h$platform, $os=h$os_name, $version=h$agent_version, $connected=h$alive,
	                        $last_seen=h$last_seen, $gateway=h$gateway, $warnings=0);
	if ( h$id in activity )
		{
		local a = activity[h$id];
		if ( a?$rows )
			{
			facts$rows = a$rows;
			facts$rate = rate_of(a);
			}

		facts$warnings = |a$warnings|;
		if ( a?$since && h$alive )
			facts$since = a$since;
		if ( a?$lag )
			facts$lag = a$lag;
		}

	return facts;
	}

function tell_facts(client: string, request: string, kind: string, host_id: string, text: string, detail: string)
	{
	tell(client, Item($request=request, $kind=kind, $host=host_id, $number=0, $at=current_time(), $text=text,
	                  $detail=detail));
	}

function tell_host_facts(client: string, request: string, h: osquery::hosts::Host)
	{
	tell_facts(client, request, "host", h$id, h$hostname, to_json(facts_of(h)));
	}

# How often each event has been raised that rows come as; Zeek counts that itself (7.0 and later).
function event_counts(): table[string] of count
	{
	local counts: table[string] of count;
@ifdef ( Telemetry::collect_metrics )
	for ( _, m in Telemetry::collect_metrics("zeek", "event_handler_invocations*") )
		if ( |m$label_values| == 1 && m?$value && m$label_values[0] in osquery::hosts::row_events )
			counts[m$label_values[0]] = double_to_count(m$value);
@endif
	return counts;
	}

# -1: this Zeek does not count.
function total(counts: table[string] of count): int
	{
	if ( |counts| == 0 && |osquery::hosts::row_events| > 0 )
		return -1;

	local sum: int = 0;
	for ( _, n in counts )
		sum += n;

	return sum;
	}

function wanted_by(s: osquery::hosts::Subscription): vector of string
	{
	local names: vector of string;
	for ( node in s$nodes )
		{
		local request = starts_with(node, "console ") ? sub_bytes(node, 9, |node| - 8) : "";
		if ( request in running && running[request]$client in clients )
			names += fmt("console of %s", clients[running[request]$client]$user);
		else
			names += node == "" ? "this Zeek's scripts" : "scripts of " + node;
		}

	return sort(names, strcmp);
	}

function tell_query(client: string, request: string, s: osquery::hosts::Subscription, counts: table[string] of count)
	{
	local facts = QueryFacts($event_name=s$query$ev, $update=s$query$utype, $interval_seconds=s$query$inter,
	                         $target=target_text(s$target), $wanted_by=wanted_by(s));
	# All consoles share one event.
	if ( s$query$ev in counts && s$query$cookie !in running )
		facts$rows = counts[s$query$ev];
	else if ( s$query$cookie in running )
		facts$rows = running[s$query$cookie]$rows;

	tell_facts(client, request, "query", "", s$query$query, to_json(facts));
	}

function tell_queries(client: string, request: string)
	{
	local counts = event_counts();
	for ( _, s in osquery::hosts::subscriptions )
		tell_query(client, request, s, counts);

	# Those that run once and are not answered by all yet.
	for ( _, q in running )
		if ( ! q$repeats )
			tell_facts(client, request, "query", "", q$desired$query,
			           to_json(QueryFacts($event_name=q$desired$ev, $update="once", $interval_seconds=0,
			                              $target=target_text(q$target), $rows=q$rows,
			                              $wanted_by=vector(fmt("console of %s", q$client in clients ?
			                                                    clients[q$client]$user : "")))));
	}

function tell_one_host(client: string, request: string, host_id: string)
	{
	if ( host_id !in osquery::hosts::known )
		{
		tell_text(client, request, "refused", fmt("no host with the id %s is known", shortened(host_id, 100)));
		return;
		}

	local h = osquery::hosts::known[host_id];
	local counts = event_counts();
	tell_host_facts(client, request, h);
	for ( _, s in osquery::hosts::subscriptions )
		if ( osquery::hosts::matches(h, s$target) )
			tell_query(client, request, s, counts);

	if ( host_id in activity )
		for ( _, warning in activity[host_id]$warnings )
			{
			local again = copy(warning);
			again$request = request;
			tell(client, again);
			}
	}

function tell_activity(client: string, request: string)
	{
	local connected = 0;
	local lags: vector of double;
	local busy: vector of HostFacts;
	for ( id, h in osquery::hosts::known )
		{
		if ( h$alive )
			++connected;
		if ( id !in activity )
			next;

		local a = activity[id];
		if ( a?$lag && h$alive )
			lags += interval_to_double(a$lag);
		if ( a?$rows && rate_of(a) > 0.0 )
			busy += facts_of(h);
		}

	sort(lags, function(x: double, y: double): int { return x < y ? -1 : x > y ? 1 : 0; });
	sort(busy, function(x: HostFacts, y: HostFacts): int { return x$rate > y$rate ? -1 : x$rate < y$rate ? 1 : 0; });
	local facts = [$hosts=|osquery::hosts::known|, $connected=connected, $gateways=|osquery::gateways::known|,
	               $warnings=warnings_total, $consoles=|clients|,
	               $subscriptions=|osquery::hosts::subscriptions|, $rows=total(event_counts()),
	               $lag_median=|lags| > 0 ? lags[|lags| / 2] : -1.0, $lag_most=|lags| > 0 ? lags[|lags| - 1] : -1.0];
	tell_facts(client, request, "activity", "", "", to_json(facts));
	for ( i, busiest in busy )
		if ( i < busiest_hosts )
			tell_facts(client, request, "host", busiest$id, busiest$name, to_json(busiest));

	tell_queries(client, request);
	}

event list_v1(client: string, request: string, what: string, host_id: string)
	{
	if ( client !in clients )
		return;

	clients[client]$last_seen = current_time();
	# What a live screen asks for each second is not worth a line.
	if ( what != "activity" )
		log_request(client, Info($ts=network_time(), $action="list", $client=client, $user="",
		                         $request=shortened(request, 100),
		                         $target=shortened(what + ( host_id == "" ? "" : " " + host_id ), 200)));

	switch ( what )
		{
		case "hosts":
			for ( _, h in osquery::hosts::known )
				tell_host_facts(client, request, h);
			break;
		case "host":
			tell_one_host(client, request, host_id);
			break;
		case "queries":
			tell_queries(client, request);
			break;
		case "activity":
			tell_activity(client, request);
			break;
		default:
			tell_text(client, request, "refused", "this Zeek's package does not know what is asked for");
			break;
		}

	tell_text(client, request, "complete", "");
	}
