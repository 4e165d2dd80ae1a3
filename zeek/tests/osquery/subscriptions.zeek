# @TEST-DOC: The queries desired on a host follow from its id, its groups (with what encloses them) and its addresses.
# @TEST-EXEC: zeek %INPUT >output
# @TEST-EXEC: btest-diff output

@load osquery

redef exit_only_after_terminate = T;

module Test;

event Test::row(info: osquery::ResultInfo)
	{
	}

function query(name: string): osquery::Query
	{
	return [$ev=row, $query=name];
	}

event show(what: string)
	{
	local queries: table[string] of osquery::hosts::DesiredQuery;
	hook osquery::hosts::collect_desired_queries(osquery::hosts::known["h1"], queries);
	local names: vector of string;
	for ( _, desired in queries )
		names += desired$query;

	print what, sort(names, strcmp);
	}

event connected()
	{
	event osquery::hosts::host_new("endpoint", "h1", vector("geo/de/hamburg"));
	}

event told()
	{
	event osquery::hosts::host_details_v1("h1", osquery::hosts::HostDetailsV1($endpoint_id="endpoint", $instance_id="i",
	    $hostname="web-1", $addresses=set(10.1.2.3), $groups=vector("geo/de/hamburg"), $platform="linux",
	    $os_name="Debian", $agent_version="1.0.0"));
	}

event unsubscribed()
	{
	osquery::unsubscribe(query("all"));
	osquery::unsubscribe(query("other spelling"), "h1");
	osquery::unsubscribe_subnet(query("subnet"), 10.1.0.0/16);
	osquery::leave(10.0.0.0/8, "ten");
	}

event gone()
	{
	event osquery::hosts::host_farewell("h1");
	}

event finish()
	{
	terminate();
	}

## Events that a step's own events bring about come before the next step.
const settling = 10;

## The story, step by step; no clock, which on a busy machine would have steps overtake each other.
event step(number: count, hops: count)
	{
	if ( hops > 0 )
		{
		event step(number, hops - 1);
		return;
		}

	switch ( number )
		{
		case 0: event connected(); break;
		case 1: event show("connected"); break;
		case 2: event told(); break;
		case 3: event show("told its address"); break;
		case 4: event unsubscribed(); break;
		case 5: event show("unsubscribed"); break;
		case 6: event gone(); break;
		case 7: event finish(); return;
		}

	event step(number + 1, settling);
	}

event osquery::host_connected(host_id: string)
	{
	print "host_connected", host_id, osquery::isHostAlive(host_id);
	}

event osquery::host_disconnected(host_id: string)
	{
	print "host_disconnected", host_id, osquery::isHostAlive(host_id), osquery::hosts::by_address(10.1.2.3);
	}

event zeek_init()
	{
	osquery::subscribe(query("all"));
	osquery::subscribe(query("h1"), "h1");
	osquery::subscribe(query("h10"), "h10");
	osquery::subscribe(query("geo"), "", "geo");
	osquery::subscribe(query("geo/fr"), "", "geo/fr");
	osquery::subscribe(query("ten"), "", "ten");
	osquery::subscribe_multiple(query("several"), vector("h7", "h1"), vector("elsewhere"));
	osquery::subscribe_subnet(query("subnet"), 10.1.0.0/16);
	osquery::subscribe_subnet(query("other subnet"), 10.2.0.0/16);
	osquery::join(10.0.0.0/8, "ten");
	event step(0, settling);
	}
