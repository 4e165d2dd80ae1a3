# @TEST-DOC: A socket explains the ends of connections that fit it, the closest fit first.
# @TEST-EXEC: zeek %INPUT >output
# @TEST-EXEC: btest-diff output

@load osquery/attribution

redef exit_only_after_terminate = T;

function row(utype: osquery::UpdateType, pid: int, local_address: string, local_port: int, remote_address: string,
             remote_port: int, name: string)
	{
	event osquery::attribution::socket_row([$host="h1", $utype=utype], pid, 3, 6, local_address, local_port,
	                                       remote_address, remote_port, name, "/bin/" + name, "alice");
	}

function look(what: string, local_p: port, remote_h: addr, remote_p: port)
	{
	print what;
	for ( o in osquery::attribution::lookup(10.1.2.3, local_p, remote_h, remote_p) )
		print fmt("  %s %d %s %s", o$hid, o$pid, o$process, o$user);
	}

event ask()
	{
	look("connected", 40000/tcp, 192.0.2.1, 443/tcp);
	look("listening", 80/tcp, 192.0.2.1, 5555/tcp);
	look("closed, but not long ago", 40001/tcp, 192.0.2.1, 443/tcp);
	look("another protocol", 80/udp, 192.0.2.1, 5555/udp);
	look("another remote end", 40000/tcp, 192.0.2.2, 443/tcp);
	look("bound to another address", 8080/tcp, 192.0.2.2, 443/tcp);
	terminate();
	}

event zeek_init()
	{
	event osquery::hosts::host_new("endpoint", "h1", vector("servers"));
	event osquery::hosts::host_details_v1("h1", osquery::hosts::HostDetailsV1($endpoint_id="endpoint", $instance_id="i",
	    $hostname="web-1", $addresses=set(10.1.2.3), $groups=vector("servers"), $platform="linux", $os_name="Debian",
	    $agent_version="1.0.0"));
	row(osquery::ADD, 1, "0.0.0.0", 40000, "0.0.0.0", 0, "wrong");
	row(osquery::ADD, 2, "::ffff:10.1.2.3", 40000, "::ffff:192.0.2.1", 443, "curl");
	row(osquery::ADD, 3, "::", 80, "::", 0, "nginx");
	row(osquery::ADD, 4, "10.1.2.3", 40001, "192.0.2.1", 443, "wget");
	row(osquery::REMOVE, 4, "10.1.2.3", 40001, "192.0.2.1", 443, "wget");
	row(osquery::ADD, 5, "127.0.0.1", 8080, "0.0.0.0", 0, "proxy");
	schedule 100msec { ask() };
	}
