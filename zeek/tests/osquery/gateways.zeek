# @TEST-DOC: A gateway is one peer with many hosts: it says which of them are gone, and takes all along when it goes.
# @TEST-EXEC: zeek %INPUT >output
# @TEST-EXEC: btest-diff output

@load osquery

redef exit_only_after_terminate = T;

module Test;

event osquery::host_connected(host_id: string)
	{
	print "connected", host_id, osquery::hosts::known[host_id]$gateway;
	}

event osquery::host_disconnected(host_id: string)
	{
	print "disconnected", host_id;
	}

event comes(name: string, host_id: string)
	{
	event osquery::gateways::gateway_carries_v1(name, host_id, "endpoint-" + host_id);
	event osquery::hosts::host_new("endpoint-" + host_id, host_id, vector("servers"));
	}

event goes(name: string, host_id: string)
	{
	event osquery::gateways::gateway_lost_v1(name, host_id, "endpoint-" + host_id, "broke off");
	}

event starts(name: string, endpoint_id: string)
	{
	event osquery::gateways::gateway_hello_v1(name, endpoint_id, "1.0.0");
	}

event show(what: string)
	{
	local names: vector of string;
	for ( host_id, h in osquery::hosts::known )
		if ( h$alive )
			names += host_id;

	print what, sort(names, strcmp);
	}

# A host that answers whatever it is told by another address, so that other queries are desired each time, gets no more
# than a few messages.
event chatters(times: count)
	{
	local addresses = set(192.168.0.1);
	if ( times % 2 == 0 )
		addresses = set(10.0.0.1);

	event osquery::hosts::host_details_v1("h2", osquery::hosts::HostDetailsV1($endpoint_id="endpoint-h2", $instance_id="i",
	    $hostname="web-2", $addresses=addresses, $groups=vector(), $platform="linux", $os_name="Debian",
	    $agent_version="1.0.0"));
	event osquery::hosts::host_queries_held("h2", osquery::hosts::zeek_instance, 0, cat(times));
	if ( times > 0 )
		event chatters(times - 1);
	}

event heard()
	{
	print "more may be sent to h2", osquery::hosts::may_send(osquery::hosts::known["h2"]);
	print "more may be sent to h3", osquery::hosts::may_send(osquery::hosts::known["h3"]);
	}

event finish()
	{
	terminate();
	}

event zeek_init()
	{
	osquery::subscribe([$ev=finish, $query="SELECT 1"]);
	osquery::subscribe_subnet([$ev=finish, $query="SELECT 2"], 10.0.0.0/8);
	schedule 400msec { starts("a", "endpoint-a") };
	schedule 480msec { starts("b", "endpoint-b") };
	schedule 800msec { comes("a", "h1") };
	schedule 880msec { comes("a", "h2") };
	schedule 960msec { comes("b", "h3") };
	schedule 1600msec { show("three") };
	schedule 2000msec { goes("a", "h1") };
	schedule 2400msec { comes("b", "h1") };
	# Of a gateway that the host has left.
	schedule 2800msec { goes("a", "h1") };
	schedule 3200msec { show("moved") };
	schedule 3600msec { chatters(50) };
	schedule 4000msec { heard() };
	schedule 4400msec { starts("b", "endpoint-b2") };
	schedule 4800msec { show("b has started anew") };
	schedule 5200msec { finish() };
	}
