# @TEST-DOC: A console asks, gets what hosts say, and leaves nothing behind; what is not allowed is refused, and each request is logged.
# @TEST-EXEC: zeek %INPUT >output
# @TEST-EXEC: zeek-cut action user target query hosts answered failed rows reason <osquery-console.log >>output
# @TEST-EXEC: btest-diff output

@load osquery/console

redef osquery::console::listen = F;
redef osquery::console::max_queries = 2;
redef osquery::console::denied_tables = { "shadow" };
redef exit_only_after_terminate = T;

module Test;

# What waits to be told to a console, as kind, host and text.
function show(what: string)
	{
	print what;
	if ( "c" !in osquery::console::clients )
		return;

	local c = osquery::console::clients["c"];
	local number = c$head;
	local lines: vector of string;
	while ( number < c$tail )
		{
		local item = c$waiting[number];
		lines += fmt("  %s %s %s %d %s", item$request, item$kind, item$host, item$number, item$text);
		delete c$waiting[number];
		++number;
		}

	c$head = c$tail;
	sort(lines, strcmp);
	for ( _, line in lines )
		print line;
	}

function question(sql: string, hosts: vector of string, inter: count): osquery::console::Question
	{
	return osquery::console::Question($sql=sql, $hosts=hosts, $groups=vector(), $subnets=vector(), $inter=inter,
	                                  $utype="BOTH", $patience=0sec, $max_rows=2);
	}

event comes(id: string, version: string)
	{
	event osquery::hosts::host_new("endpoint-" + id, id, vector("g"));
	event osquery::hosts::host_details_v1(id, osquery::hosts::HostDetailsV1($endpoint_id="endpoint-" + id,
	    $instance_id="i", $hostname="web-" + id, $addresses=set(10.0.0.1), $groups=vector("g"), $platform="debian",
	    $os_name="Debian", $agent_version=version));
	}

event asks(request: string, sql: string, hosts: vector of string, inter: count)
	{
	event osquery::console::ask_v1("c", request, question(sql, hosts, inter));
	}

event answers(host: string, cookie: string, outcome: string, rows: count, text: string)
	{
	event osquery::console::answered_v1(host, cookie, outcome, rows, text);
	}

event sends(host: string, cookie: string, json: string)
	{
	event osquery::console::row(osquery::ResultInfo($host=host, $utype=osquery::SNAPSHOT, $cookie=cookie), json);
	}

event finish()
	{
	print |osquery::console::running|, |osquery::hosts::subscriptions|, |osquery::console::clients|;
	terminate();
	}

## Events that a step's own events bring about come before the next step.
const settling = 10;

event step(number: count, hops: count)
	{
	if ( hops > 0 )
		{
		event step(number, hops - 1);
		return;
		}

	switch ( number )
		{
		case 0: event comes("a", "0.2.0"); event comes("b", "0.1.0"); break;
		case 1: event osquery::console::open_v1("c", "me", "0.2.0"); break;
		case 2: osquery::console::clients["c"]$flushing = T; show("opened"); break;
		case 3: event asks("r1", "SELECT 1 FROM time", vector("a", "nobody", "b"), 0); break;
		case 4: show("asked"); event sends("a", "r1", "{}"); event answers("a", "r1", "done", 1, ""); break;
		case 5: show("answered"); event asks("r2", "SELECT * FROM shadow", vector(), 0); break;
		case 6: show("denied"); event asks("r3", "SELECT 2 FROM time", vector("a"), 5); break;
		case 7: show("subscribed"); print |osquery::hosts::subscriptions|; break;
		case 8: event asks("r4", "SELECT 3 FROM time", vector("a"), 0); break;
		case 9: show("too many"); event osquery::console::stop_v1("c", "r1", ""); break;
		case 10: show("stopped"); event sends("a", "r3", "{}"); event sends("a", "r3", "{}"); break;
		case 11: show("full"); print |osquery::hosts::subscriptions|; break;
		case 12: event asks("r5", "SELECT 5 FROM time", vector("a"), 5); break;
		case 13: event osquery::hosts::host_farewell("a"); break;
		case 14: show("host gone"); event osquery::console::list_v1("c", "l", "queries", ""); break;
		case 15: show("queries"); event osquery::console::close_v1("c"); break;
		case 16: event finish(); return;
		}

	event step(number + 1, settling);
	}

event zeek_init()
	{
	event step(0, settling);
	}
