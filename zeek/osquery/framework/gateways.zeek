##! Gateways (``bro-osquery gateway``): each is one peer that carries many hosts. It is told once what holds for all of
##! them, says when one of its hosts is gone, and takes all of them along when it goes itself.

@load ./subscriptions

module osquery::gateways;

export {
	## What is known of a gateway.
	type Gateway: record {
		name: string;
		## Its Broker endpoint.
		endpoint_id: string;
		version: string;
		## Ids of the hosts that come through it.
		hosts: set[string] &default=set();
		last_seen: time;
	};

	## The gateways that are there, by name. Read only.
	global known: table[string] of Gateway;

	## Topics: what gateways say, and what one of them is told.
	global topic_all: function(): string;
	global topic_gateway: function(name: string): string;
}

# Names of gateways by their Broker endpoint.
global by_endpoint: table[string] of string;

# Which gateway a host's endpoint has been announced through, for when that comes before the host's own word.
global carried: table[string] of string;

function topic_all(): string
	{
	return osquery::TopicPrefix + "/gateways";
	}

function topic_gateway(name: string): string
	{
	return osquery::TopicPrefix + "/gateway/" + name;
	}

function welcome(name: string)
	{
	osquery::publish(topic_gateway(name), osquery::make_event(gateway_welcome_v1, osquery::hosts::zeek_instance,
	                                                          osquery::package_version, osquery::hosts::row_events));
	}

# A host that has come another way since stays.
function lose_host(g: Gateway, host_id: string, endpoint_id: string, why: string)
	{
	delete g$hosts[host_id];
	if ( endpoint_id in carried && carried[endpoint_id] == g$name )
		delete carried[endpoint_id];

	if ( host_id !in osquery::hosts::known )
		return;

	local h = osquery::hosts::known[host_id];
	if ( h$gateway == g$name && h$peer == endpoint_id )
		osquery::hosts::lost(host_id, why);
	}

function lose_gateway(name: string, why: string)
	{
	if ( name !in known )
		return;

	local g = known[name];
	osquery::log_bro("info", name, fmt("Gateway is gone with %d hosts (%s)", |g$hosts|, why));
	for ( host_id in copy(g$hosts) )
		if ( host_id in osquery::hosts::known )
			lose_host(g, host_id, osquery::hosts::known[host_id]$peer, fmt("its gateway %s is gone", name));

	delete known[name];
	if ( g$endpoint_id in by_endpoint && by_endpoint[g$endpoint_id] == name )
		delete by_endpoint[g$endpoint_id];
	}

event gateway_check(name: string, endpoint_id: string)
	{
	if ( name !in known || known[name]$endpoint_id != endpoint_id )
		return;

	if ( current_time() - known[name]$last_seen > osquery::gateway_timeout )
		lose_gateway(name, fmt("silent for %s", osquery::gateway_timeout));
	else
		schedule osquery::gateway_timeout / 4 { gateway_check(name, endpoint_id) };
	}

event osquery::gateways::gateway_hello_v1(name: string, endpoint_id: string, version: string)
	{
	if ( ! osquery::is_owner() )
		return;

	# Under another endpoint it has started anew: its former life's hosts come again, or don't.
	if ( name in known && known[name]$endpoint_id != endpoint_id )
		lose_gateway(name, "it has started anew");

	if ( name !in known )
		{
		known[name] = Gateway($name=name, $endpoint_id=endpoint_id, $version=version, $last_seen=current_time());
		by_endpoint[endpoint_id] = name;
		osquery::log_bro("info", name, fmt("Gateway is there (endpoint %s, version %s)", endpoint_id, version));
		schedule osquery::gateway_timeout / 4 { gateway_check(name, endpoint_id) };
		}

	known[name]$last_seen = current_time();
	welcome(name);
	}

event osquery::gateways::gateway_carries_v1(name: string, host_id: string, endpoint_id: string)
	{
	if ( ! osquery::is_owner() || name !in known )
		return;

	add known[name]$hosts[host_id];
	carried[endpoint_id] = name;
	if ( host_id in osquery::hosts::known && osquery::hosts::known[host_id]$peer == endpoint_id )
		osquery::hosts::known[host_id]$gateway = name;
	}

event osquery::gateways::gateway_lost_v1(name: string, host_id: string, endpoint_id: string, reason: string)
	{
	if ( osquery::is_owner() && name in known )
		lose_host(known[name], host_id, endpoint_id, reason);
	}

# Events are handled in the order in which they came: the rows before this one have been.
event osquery::gateways::gateway_rows_sent_v1(name: string, number: count)
	{
	if ( ! osquery::is_owner() || name !in known )
		return;

	known[name]$last_seen = current_time();
	osquery::publish(topic_gateway(name), osquery::make_event(gateway_acknowledge_v1, number));
	}

# Before the host counts as connected.
event osquery::hosts::host_new(peer_name: string, host_id: string, group_list: vector of string) &priority=10
	{
	if ( osquery::is_owner() && host_id in osquery::hosts::known )
		osquery::hosts::known[host_id]$gateway = peer_name in carried ? carried[peer_name] : "";
	}

event osquery::hosts::host_new(peer_name: string, host_id: string, group_list: vector of string) &priority=-1
	{
	if ( osquery::is_owner() && host_id in osquery::hosts::known && peer_name in carried )
		osquery::hosts::known[host_id]$gateway = carried[peer_name];
	}

event osquery::host_disconnected(host_id: string)
	{
	if ( host_id !in osquery::hosts::known )
		return;

	local h = osquery::hosts::known[host_id];
	if ( h$gateway in known )
		delete known[h$gateway]$hosts[host_id];

	if ( h$peer in carried )
		delete carried[h$peer];
	}

event osquery::hosts::row_event_added(name: string)
	{
	for ( gateway, _ in known )
		welcome(gateway);
	}

event Broker::peer_lost(endpoint: Broker::EndpointInfo, msg: string)
	{
	if ( endpoint$id in by_endpoint )
		lose_gateway(by_endpoint[endpoint$id], msg);
	}

event Broker::peer_removed(endpoint: Broker::EndpointInfo, msg: string)
	{
	if ( endpoint$id in by_endpoint )
		lose_gateway(by_endpoint[endpoint$id], msg);
	}

event zeek_init() &priority=-10
	{
	if ( osquery::is_owner() )
		osquery::listen_to(topic_all());
	}
