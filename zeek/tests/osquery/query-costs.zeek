# @TEST-DOC: What queries cost is logged as differences between two accounts, also when osqueryd starts anew, and counted over the fleet.
# @TEST-EXEC: zeek -r $TRACES/clock.pcap %INPUT >output
# @TEST-EXEC: zeek-cut hid name cookie every executions new_executions wall_time cpu_time memory output_size denylisted <osq-query-costs.log >>output
# @TEST-EXEC: btest-diff output

@load osquery/query-costs

module Test;

event Test::taken(info: osquery::ResultInfo)
	{
	}

function tells(host: string, name: string, query: string, executions: int, wall: int, denylisted: int)
	{
	event osquery::query_costs::row([$host=host, $utype=osquery::SNAPSHOT, $cookie="osq-query-costs"], name, query, 10,
	                                executions, executions * 100, denylisted, wall, wall / 2, 4096);
	}

event second()
	{
	tells("h1", "bro_1", "SELECT 1", 16, 1600, 0);
	tells("h1", "pack_x", "SELECT 2", 2, 20, 1);
	tells("h2", "bro_7", "SELECT 1", 3, 30, 0);
	}

event network_time_init()
	{
	tells("h1", "bro_1", "SELECT 1", 10, 1000, 0);
	tells("h1", "pack_x", "SELECT 2", 40, 80, 0);
	schedule 60secs { second() };
	}

event zeek_init()
	{
	osquery::subscribe([$ev=taken, $query="SELECT 1", $cookie="mine"]);
	}

event zeek_done()
	{
	local lines: vector of string;
	for ( _, m in Telemetry::collect_metrics("osquery", "query_*") )
		lines += fmt("%s %s %.2f", m$opts$name, m$label_values, m$value);

	sort(lines, strcmp);
	for ( _, line in lines )
		print line;
	}
