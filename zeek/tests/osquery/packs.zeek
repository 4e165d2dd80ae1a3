# @TEST-DOC: A query of a pack is desired on hosts that satisfy its conditions, and no longer once they don't.
# @TEST-EXEC: zeek %INPUT >output
# @TEST-EXEC: btest-diff output

@load osquery/packs

redef exit_only_after_terminate = T;

module Test;

event Test::row(info: osquery::ResultInfo)
	{
	}

function query(name: string): osquery::Query
	{
	return [$ev=row, $query=name, $cookie=name];
	}

event show(what: string)
	{
	for ( _, id in vector("linux-1", "mac-1") )
		{
		local queries: table[string] of osquery::hosts::DesiredQuery = table();
		hook osquery::hosts::collect_desired_queries(osquery::hosts::known[id], queries);
		local names: vector of string = vector();
		for ( _, desired in queries )
			names += desired$query;

		print fmt("%s, %s: %s", what, id, join_string_vec(sort(names, strcmp), "; "));
		}
	}

event connected(id: string, platform: string)
	{
	event osquery::hosts::host_new("endpoint", id, vector());
	event osquery::hosts::host_details_v1(id, osquery::hosts::HostDetailsV1($endpoint_id="endpoint", $instance_id="i",
	    $hostname=id, $addresses=set(10.1.2.3), $groups=vector(), $platform=platform, $os_name="", $agent_version="1.0.0"));
	}

event told(found: int)
	{
	local cookie = "SELECT 1 FROM docker_info";
	event osquery::packs::discovered([$host="linux-1", $utype=osquery::SNAPSHOT, $cookie=cookie], found);
	event osquery::packs::version_told([$host="linux-1", $utype=osquery::SNAPSHOT], "5.10.2");
	event osquery::packs::version_told([$host="mac-1", $utype=osquery::SNAPSHOT], "5.9");
	}

event done()
	{
	terminate();
	}

event zeek_init()
	{
	osquery::packs::keep_query(query("all"));
	osquery::packs::keep_query(query("linux"), vector(osquery::packs::Condition($platforms=set("linux"))));
	osquery::packs::keep_query(query("posix"), vector(osquery::packs::Condition($platforms=set("linux", "darwin"))));
	osquery::packs::keep_query(query("newer"), vector(osquery::packs::Condition($version="5.10.0")));
	# The SHA-1 of "linux-1" begins with cf, that of "mac-1" with 36: 81 and 21 percent.
	osquery::packs::keep_query(query("half"), vector(osquery::packs::Condition($shard=50)));
	osquery::packs::keep_query(query("docker"), vector(osquery::packs::Condition($platforms=set("linux"),
	    $discovery=set("SELECT 1 FROM docker_info"))));
	osquery::packs::keep_query(query("both"), vector(osquery::packs::Condition($platforms=set("linux")),
	    osquery::packs::Condition($platforms=set("darwin"))));
	event connected("linux-1", "debian");
	event connected("mac-1", "darwin");
	schedule 0sec { show("connected") };
	schedule 100msec { told(1) };
	schedule 200msec { show("told") };
	schedule 300msec { told(0) };
	schedule 400msec { show("gone") };
	schedule 500msec { done() };
	}
