##! The consoles that are there, and what waits to be told to each: what one does not read in time waits here, and does not
##! hold up others.

@load base/misc/version
@load ./log
@load ./options

module osquery::console;

export {
	type Client: record {
		id: string;
		user: string;
		version: string;
		## Where its connection came from.
		address: string &default="";
		last_seen: time;
		## What waits, by its number; those from ``head`` to before ``tail``.
		waiting: table[count] of Item &default=table();
		head: count &default=1;
		tail: count &default=1;
		## Messages sent, and those that it says it has.
		sent: count &default=0;
		received: count &default=0;
		flushing: bool &default=F;
	};

	## By id. Read only.
	global clients: table[string] of Client;

	## Tells a console something, soon.
	global tell: function(client: string, item: Item);

	## The same in short: that a request is refused or has ended, and why.
	global tell_text: function(client: string, request: string, kind: string, text: string);

	## A line of the log about a console.
	global log_request: function(client: string, info: Info);

	## A console is about to be forgotten; on the node that owns the hosts.
	global client_gone: hook(client: string, why: string);
}

# Messages that may be under way to a console, and how much is in one.
const window = 16;
const items_per_message = 250;
const bytes_per_message = 262144;

# How consoles call themselves to the WebSocket server: this and their id.
const application_prefix = "bro-osquery-console:";

# Where the connections of consoles came from, by their id.
global addresses: table[string] of string;

# For the log and for this Zeek's own memory: whatever a console says of itself, no more than this of it.
function shortened(text: string, most: count): string
	{
	return |text| <= most ? text : sub_bytes(text, 1, most);
	}

function log_request(client: string, info: Info)
	{
	if ( client in clients )
		{
		info$user = clients[client]$user;
		if ( clients[client]$address != "" )
			info$address = clients[client]$address;
		}

	Log::write(LOG, info);
	}

function flush(c: Client)
	{
	while ( c$head < c$tail && c$sent < c$received + window )
		{
		local items: vector of Item = vector();
		local bytes = 0;
		while ( c$head < c$tail && |items| < items_per_message && bytes < bytes_per_message )
			{
			local item = c$waiting[c$head];
			delete c$waiting[c$head];
			++c$head;
			items += item;
			bytes += |item$text| + |item$detail|;
			}

		++c$sent;
		osquery::publish(topic_client(c$id), osquery::make_event(say_v1, c$id, c$sent, items));
		}
	}

event flush_client(client: string)
	{
	if ( client !in clients )
		return;

	clients[client]$flushing = F;
	flush(clients[client]);
	}

function tell(client: string, item: Item)
	{
	if ( client !in clients )
		return;

	local c = clients[client];
	c$waiting[c$tail] = item;
	++c$tail;
	if ( ! c$flushing )
		{
		# Soon, with whatever comes meanwhile.
		c$flushing = T;
		schedule 20msec { flush_client(client) };
		}
	}

function tell_text(client: string, request: string, kind: string, text: string)
	{
	tell(client, Item($request=request, $kind=kind, $host="", $number=0, $at=current_time(), $text=text, $detail=""));
	}

function lose_client(client: string, why: string)
	{
	if ( client !in clients )
		return;

	hook client_gone(client, why);
	log_request(client, Info($ts=network_time(), $action="close", $client=client, $user="", $reason=why));
	delete clients[client];
	}

event client_check(client: string)
	{
	if ( client !in clients )
		return;

	if ( current_time() - clients[client]$last_seen > client_timeout )
		lose_client(client, fmt("silent for %s", client_timeout));
	else
		schedule client_timeout / 4 { client_check(client) };
	}

# What a console has to know of this Zeek.
function welcome(): string
	{
	return to_json([$package=osquery::package_version, $name=osquery::endpoint_name, $queries=allow_queries,
	                $subscriptions=allow_queries && allow_subscriptions, $max_rows=max_rows, $max_hosts=max_hosts,
	                $min_interval=min_interval, $hosts=|osquery::hosts::known|]);
	}

event open_v1(client: string, user: string, version: string)
	{
	if ( ! osquery::is_owner() || client == "" || |client| > 100 )
		return;

	# Said again by one that is here: nothing is lost of what waits for it.
	if ( client !in clients )
		{
		local c = Client($id=client, $user=shortened(user, 200), $version=shortened(version, 50),
		                 $last_seen=current_time());
		if ( client in addresses )
			c$address = addresses[client];

		clients[client] = c;
		log_request(client, Info($ts=network_time(), $action="open", $client=client, $user=c$user));
		schedule client_timeout / 4 { client_check(client) };
		}

	clients[client]$last_seen = current_time();
	tell(client, Item($request="", $kind="opened", $host="", $number=0, $at=current_time(), $text="", $detail=welcome()));
	}

event alive_v1(client: string, received: count)
	{
	if ( client !in clients )
		return;

	local c = clients[client];
	c$last_seen = current_time();
	# It has what it was sent, no more.
	if ( received > c$received && received <= c$sent )
		c$received = received;
	flush(c);
	}

event close_v1(client: string)
	{
	lose_client(client, "it closed");
	}

@if ( Version::at_least("8.0.0") )
# The id of the console that an endpoint of the WebSocket server is; empty: it is none.
function client_of(endpoint: Cluster::EndpointInfo): string
	{
	if ( ! endpoint?$application_name || ! starts_with(endpoint$application_name, application_prefix) )
		return "";

	return sub_bytes(endpoint$application_name, |application_prefix| + 1, 100);
	}

event Cluster::websocket_client_added(endpoint: Cluster::EndpointInfo, subscriptions: string_vec)
	{
	local client = client_of(endpoint);
	if ( client != "" )
		addresses[client] = fmt("%s:%d", endpoint$network$address, port_to_count(endpoint$network$bound_port));
	}

event Cluster::websocket_client_lost(endpoint: Cluster::EndpointInfo, code: count, reason: string)
	{
	local client = client_of(endpoint);
	delete addresses[client];
	lose_client(client, fmt("its connection closed with %d", code));
	}
@endif

event zeek_init() &priority=-10
	{
	if ( osquery::is_owner() )
		osquery::listen_to(topic_requests());
	}
