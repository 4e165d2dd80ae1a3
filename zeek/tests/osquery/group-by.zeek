# @TEST-DOC: Hosts join and leave a group by the answers of its query, and what the group is asked comes and goes with it.
# @TEST-EXEC: zeek -r $TRACES/clock.pcap %INPUT >output
# @TEST-EXEC: btest-diff output

@load osquery

module Test;

event Test::row(info: osquery::ResultInfo)
	{
	}

function answers(host: string, answer: int)
	{
	event osquery::member_row([$host=host, $utype=osquery::ADD, $cookie="osquery-group-by:docker"], answer);
	}

event show(what: string)
	{
	for ( _, host in vector("h1", "h2") )
		{
		local queries: table[string] of osquery::hosts::DesiredQuery = table();
		hook osquery::hosts::collect_desired_queries(osquery::hosts::known[host], queries);
		local texts: vector of string = vector();
		for ( _, desired in queries )
			texts += desired$query;

		print what, host, sort(texts, strcmp);
		}
	}

event osquery::group_changed(host_id: string, group: string, joined: bool)
	{
	print host_id, group, joined, osquery::members(group);
	}

event step(number: count)
	{
	switch ( number )
		{
		case 0: answers("h1", 1); answers("h2", 0); break;
		case 1: event show("h1 has it"); answers("h1", 1); break;
		case 2: answers("h1", 0); answers("h2", 1); break;
		case 3: event show("h2 has it"); break;
		case 4: osquery::ungroup("docker"); break;
		case 5: event show("nobody is asked"); return;
		}

	schedule 20secs { step(number + 1) };
	}

event network_time_init()
	{
	for ( _, host in vector("h1", "h2") )
		{
		event osquery::hosts::host_new("endpoint-" + host, host, vector());
		event osquery::hosts::host_details_v1(host, osquery::hosts::HostDetailsV1($endpoint_id="e", $instance_id="i",
		    $hostname=host, $addresses=set(), $groups=vector(), $platform=host == "h1" ? "debian" : "windows", $os_name="",
		    $agent_version=""));
		}

	schedule 20secs { step(0) };
	}

event zeek_init()
	{
	osquery::group_by("docker", "SELECT 1 FROM processes WHERE name = 'dockerd'", 60);
	osquery::subscribe([$ev=row, $query="containers"], "", "docker");
	osquery::subscribe_to([$ev=row, $query="on Linux"], [$platforms=set("linux")]);
	osquery::subscribe_to([$ev=row, $query="on Windows, with containers"], [$platforms=set("windows"), $groups=set("docker")]);
	}
