##! The queries of consoles: run once, or again and again, for as long as whoever asked is there.

@load ./clients
@load ./tables

module osquery::console;

export {
	type Running: record {
		client: string;
		request: string;
		desired: osquery::hosts::DesiredQuery;
		target: osquery::Target;
		## Whether it runs again and again.
		repeats: bool;
		since: time;
		max_rows: count;
		rows: count &default=0;
		## Hosts that were asked, and those that have said what came of it.
		asked: set[string] &default=set();
		answered: set[string] &default=set();
		failed: set[string] &default=set();
	};

	## By their request, which is the cookie of the query on hosts. Read only.
	global running: table[string] of Running;

	## The first version of the hosts' extension that knows consoles.
	const first_version = "0.2.0";
}

const longest_sql = 65536;

function tell_host(q: Running, kind: string, host_id: string, number: count, at: time, text: string)
	{
	tell(q$client, Item($request=q$request, $kind=kind, $host=host_id, $number=number, $at=at, $text=text, $detail=""));
	}

# An older extension would send rows that nobody declared.
function is_too_old(h: osquery::hosts::Host): bool
	{
	if ( ! h$syncs_queries )
		return T;

	local parts = split_string(h$agent_version, /[^0-9]/);
	return |parts| < 2 || parts[0] == "" || parts[1] == "" || ( parts[0] == "0" && to_count(parts[1]) < 2 );
	}

function target_text(target: osquery::Target): string
	{
	local parts: vector of string;
	local hosts = 0;
	for ( id in target$hosts )
		{
		++hosts;
		if ( hosts <= 20 )
			parts += "host " + id;
		}

	if ( hosts > 20 )
		parts += fmt("%d more hosts", hosts - 20);
	for ( group in target$groups )
		parts += "group " + group;
	for ( range in target$subnets )
		parts += cat("subnet ", range);

	return |parts| == 0 ? "all hosts" : join_string_vec(sort(parts, strcmp), ", ");
	}

function end_query(request: string, why: string)
	{
	if ( request !in running )
		return;

	local q = running[request];
	delete running[request];
	if ( q$repeats )
		osquery::hosts::remove_subscription("console " + request, q$desired, q$target);
	else if ( |q$answered| < |q$asked| )
		osquery::hosts::cancel_query(q$desired, q$target);

	tell_text(q$client, request, "ended", why);
	log_request(q$client, Info($ts=network_time(), $action="end", $client=q$client, $user="", $request=request,
	                           $hosts=|q$asked|, $answered=|q$answered| - |q$failed|, $failed=|q$failed|, $rows=q$rows,
	                           $duration=current_time() - q$since, $reason=shortened(why, 200)));
	}

event query_over(request: string)
	{
	end_query(request, "time is over");
	}

# Why it may not be asked; empty: it may.
function problem_of(client: string, request: string, question: Question): string
	{
	if ( ! allow_queries )
		return "this Zeek lets consoles run no queries (osquery::console::allow_queries)";
	if ( question$inter > 0 && ! allow_subscriptions )
		return "this Zeek lets consoles run queries once only (osquery::console::allow_subscriptions)";
	if ( request == "" || |request| > 100 || request in running )
		return "the request has no id of its own";
	if ( |question$sql| == 0 || |question$sql| > longest_sql )
		return fmt("the query is empty, or longer than %d bytes", longest_sql);
	if ( question$inter > 0 && question$inter < min_interval )
		return fmt("the shortest interval is %d s (osquery::console::min_interval)", min_interval);
	if ( question$utype !in set("ADDED", "REMOVED", "BOTH", "SNAPSHOT") )
		return "the update type is none of ADDED, REMOVED, BOTH, SNAPSHOT";

	for ( _, text in question$subnets )
		if ( ! is_valid_subnet(text) )
			return fmt("%s is no subnet", shortened(text, 60));

	local mine = 0;
	for ( _, q in running )
		if ( q$client == client )
			++mine;

	if ( mine >= max_queries )
		return fmt("%d queries of this console run already (osquery::console::max_queries)", mine);

	return table_problem(question$sql);
	}

function read_target(question: Question): osquery::Target
	{
	local target = osquery::Target();
	for ( _, host in question$hosts )
		add target$hosts[host];
	for ( _, group in question$groups )
		add target$groups[group];
	for ( _, range in question$subnets )
		add target$subnets[to_subnet(range)];

	return target;
	}

# Writes down which hosts are asked; returns those that are there and can answer.
function note_hosts(q: Running): set[string]
	{
	local able: set[string];
	for ( named in q$target$hosts )
		if ( ! osquery::hosts::isHostAlive(named) )
			add q$asked[named];

	for ( id, h in osquery::hosts::known )
		if ( h$alive && osquery::hosts::matches(h, q$target) )
			{
			add q$asked[id];
			if ( ! is_too_old(h) )
				add able[id];
			}

	return able;
	}

# Tells who is asked, and of those that can't be why.
function tell_asked(q: Running, able: set[string])
	{
	for ( id in q$asked )
		{
		tell_host(q, "asked", id, 0, current_time(), osquery::hosts::hostname(id));
		if ( id in able )
			next;

		add q$answered[id];
		add q$failed[id];
		if ( ! osquery::hosts::isHostAlive(id) )
			tell_host(q, "absent", id, 0, current_time(),
			          id in osquery::hosts::known ? "the host is not connected" : "no host with this id is known");
		else
			tell_host(q, "failed", id, 0, current_time(),
			          fmt("the host's extension (%s) is too old for consoles: it takes bro-osquery %s or later",
			              osquery::hosts::known[id]$agent_version == "" ? "of another make" :
			              "version " + osquery::hosts::known[id]$agent_version, first_version));
		}

	tell_text(q$client, q$request, "all-asked", "");
	}

event ask_v1(client: string, request: string, question: Question)
	{
	if ( client !in clients )
		return;

	clients[client]$last_seen = current_time();
	local problem = problem_of(client, request, question);
	local target = problem == "" ? read_target(question) : osquery::Target();
	local repeats = question$inter > 0;
	local desired = osquery::hosts::to_desired_query([$query=question$sql, $ev=row, $cookie=request]);
	desired$utype = repeats ? question$utype : "SNAPSHOT";
	desired$inter = repeats ? question$inter : 1;
	local most = max_rows;
	if ( question$max_rows > 0 && question$max_rows < most )
		most = question$max_rows;

	local q = Running($client=client, $request=request, $desired=desired, $target=target, $repeats=repeats,
	                  $since=current_time(), $max_rows=most);
	local able: set[string];
	if ( problem == "" )
		{
		able = note_hosts(q);
		if ( max_hosts > 0 && |q$asked| > max_hosts )
			problem = fmt("it is for %d hosts, and one query may be for %d (osquery::console::max_hosts)", |q$asked|, max_hosts);
		}

	local info = Info($ts=network_time(), $action=problem != "" ? "refuse" : repeats ? "subscribe" : "ask",
	                  $client=client, $user="", $request=shortened(request, 100), $target=target_text(target),
	                  $query=shortened(question$sql, 2000), $hosts=|q$asked|);
	if ( problem != "" )
		info$reason = problem;
	log_request(client, info);
	if ( problem != "" )
		{
		tell_text(client, request, "refused", problem);
		return;
		}

	running[request] = q;
	tell_asked(q, able);
	if ( repeats )
		{
		osquery::hosts::insert_subscription("console " + request, desired, target);
		return;
		}

	# Hosts by name that are not there need not be addressed.
	for ( named in copy(target$hosts) )
		if ( named !in able )
			delete q$target$hosts[named];

	if ( |able| > 0 )
		osquery::hosts::execute_query(desired, q$target);

	local patience = question$patience;
	if ( patience <= 0sec || patience > max_timeout )
		patience = max_timeout;
	schedule patience { query_over(request) };
	}

event stop_v1(client: string, request: string, reason: string)
	{
	if ( request in running && running[request]$client == client )
		end_query(request, reason == "" ? "stopped" : reason);
	}

event row(info: osquery::ResultInfo, row: string)
	{
	local request = info?$cookie ? info$cookie : "";
	if ( request !in running )
		return;

	local q = running[request];
	++q$rows;
	local kind = info$utype == osquery::ADD ? "added" : info$utype == osquery::REMOVE ? "removed" : "row";
	tell_host(q, kind, info$host, osquery::sequence(), osquery::host_time(), row);
	if ( q$rows >= q$max_rows )
		end_query(request, fmt("%d rows have come, and no more are let through", q$rows));
	}

event answered_v1(host_id: string, cookie: string, outcome: string, rows: count, text: string)
	{
	if ( cookie !in running )
		return;

	local q = running[cookie];
	local kind = outcome == "done" || outcome == "failed" ? outcome : "note";
	if ( kind != "note" && ! q$repeats )
		add q$answered[host_id];
	if ( kind == "failed" )
		add q$failed[host_id];

	tell_host(q, kind, host_id, rows, current_time(), shortened(text, 4000));
	}

# Whatever it would have said still comes once it is back; whoever asked should not count on it.
event osquery::host_disconnected(host_id: string)
	{
	for ( _, q in running )
		if ( host_id in q$asked && host_id !in q$answered )
			tell_host(q, "lost", host_id, 0, current_time(), "the host disconnected");
	}

hook client_gone(client: string, why: string)
	{
	local theirs: vector of string;
	for ( request, q in running )
		if ( q$client == client )
			theirs += request;

	for ( _, request in theirs )
		end_query(request, "the console is gone: " + why);
	}
