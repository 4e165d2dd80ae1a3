# @TEST-DOC: A worker's conn.log gets what the manager decides: connects that it pairs, and what it was told of sockets.
# @TEST-PORT: BROKER_PORT1
# @TEST-PORT: BROKER_PORT2
# @TEST-EXEC: btest-bg-run manager-1 "cp ../cluster-layout.zeek . && CLUSTER_NODE=manager-1 zeek %INPUT"
# @TEST-EXEC: btest-bg-run worker-1 "cp ../cluster-layout.zeek . && CLUSTER_NODE=worker-1 zeek %INPUT"
# @TEST-EXEC: btest-bg-wait 60
# @TEST-EXEC: btest-diff worker-1/output

# @TEST-START-FILE cluster-layout.zeek
redef Cluster::manager_is_logger = T;
redef Cluster::nodes = {
	["manager-1"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=to_port(getenv("BROKER_PORT1"))],
	["worker-1"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $p=to_port(getenv("BROKER_PORT2")), $manager="manager-1"],
};
# @TEST-END-FILE

@load osquery/attribution

redef exit_only_after_terminate = T;
redef Log::default_rotation_interval = 0secs;
redef osquery::attribution::use_socket_events = T;
redef osquery::attribution::event_lag = 1sec;

module ClusterTest;

export {
	global opened: event();
	global done: event();
}

function conn(uid: string, sport: port): connection
	{
	local id = conn_id($orig_h=10.1.0.1, $orig_p=sport, $resp_h=192.0.2.1, $resp_p=443/tcp);
	local e = endpoint($size=0, $state=0, $flow_label=0, $l2_addr="");
	local c = connection($id=id, $orig=e, $resp=e, $start_time=network_time(), $duration=100msec, $service=set(),
	                     $history="", $uid=uid);
	c$conn = Conn::Info($ts=c$start_time, $uid=uid, $id=id, $proto=tcp);
	return c;
	}

event connects()
	{
	local now = double_to_int(time_to_double(network_time()));
	local info = osquery::ResultInfo($host="h1", $utype=osquery::ADD, $cookie="");
	event osquery::attribution::socket_event_row(info, "1", "connect", 7, "3", "/bin/curl", "in_progress", 0, "192.0.2.1", 443,
	                                             now, "", "", "");
	}

event opened()
	{
	schedule 1sec { connects() };
	}

event host_there()
	{
	event osquery::hosts::host_new("endpoint", "h1", vector());
	event osquery::hosts::host_details_v1("h1", osquery::hosts::HostDetailsV1($endpoint_id="endpoint", $instance_id="i",
	    $hostname="h1", $addresses=set(10.1.0.1), $groups=vector(), $platform="debian", $os_name="", $agent_version="1"));
	local info = osquery::ResultInfo($host="h1", $utype=osquery::ADD, $cookie="");
	event osquery::attribution::socket_row(info, 8, 3, 6, "10.1.0.1", 40001, "192.0.2.1", 443, "wget", "/bin/wget", "bob");
	}

event Cluster::node_up(name: string, id: string) &priority=-20
	{
	if ( Cluster::node == "manager-1" )
		schedule 1sec { host_there() };
	}

event end(c: connection)
	{
	event connection_state_remove(c);
	}

event both()
	{
	for ( uid, sport in table(["C1"] = 40000/tcp, ["C2"] = 40001/tcp) )
		{
		local c = conn(uid, sport);
		event connection_established(c);
		schedule 200msec { end(c) };
		}
	osquery::publish(Cluster::manager_topic, osquery::make_event(opened));
	}

global begun = F;
global answers: table[string] of string;

event osquery::hosts::host_copied(h: osquery::hosts::Host) &priority=-20
	{
	if ( Cluster::node != "worker-1" || |h$addresses| == 0 || begun )
		return;

	begun = T;
	schedule 1sec { both() };
	}

event osquery::attribution::attributed(rec: Conn::Info)
	{
	answers[rec$uid] = fmt("%s %s %s %s", rec?$orig_attribution ? rec$orig_attribution : "-",
	                       rec?$orig_pid ? cat(rec$orig_pid) : "-", rec?$orig_process ? rec$orig_process : "-",
	                       rec?$orig_hid ? rec$orig_hid : "-");
	if ( |answers| < 2 )
		return;

	local output = open("output");
	for ( _, uid in vector("C1", "C2") )
		print output, uid, answers[uid];
	close(output);
	osquery::publish(Cluster::manager_topic, osquery::make_event(done));
	schedule 500msec { done() };
	}

event done()
	{
	terminate();
	}
