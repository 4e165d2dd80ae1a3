# What a connection costs with so many sockets and events known: `zeek osquery/attribution specs/bench/attribution/cost.zeek
# Cost::known=1000000`. Prints the number known, microseconds of CPU a connection, and bytes a socket or event.

@load osquery/attribution

redef exit_only_after_terminate = T;
redef osquery::attribution::use_socket_events = T;
redef osquery::attribution::max_wait = 0secs;

module Cost;

export {
	const known = 1000 &redef;
	const connections = 20000 &redef;
}

const per_host = 1000;

function address(host: count): addr
	{
	return count_to_v4_addr(167772160 + host);
	}

function started(host: count, n: count, sport: port): connection
	{
	local id = conn_id($orig_h=address(host), $orig_p=sport, $resp_h=192.0.2.1, $resp_p=443/tcp);
	local e = endpoint($size=0, $state=0, $flow_label=0, $l2_addr="");
	return connection($id=id, $orig=e, $resp=e, $start_time=network_time() - 1sec, $duration=500msec, $service=set(),
	                  $history="ShADadfF", $uid=fmt("C%d", n));
	}

event measure(bytes_before: count)
	{
	local hosts = known / per_host / 2;
	local bytes = get_proc_stats()$mem - bytes_before;
	local before = get_proc_stats();
	local n = 0;
	local unanswered = 0;
	while ( n < connections )
		{
		local host = n % ( hosts == 0 ? 1 : hosts );
		local c = started(host, n, count_to_port(10000 + n % per_host, tcp));
		c$conn = Conn::Info($ts=c$start_time, $uid=c$uid, $id=c$id, $proto=tcp);
		osquery::attribution::log_connection(c);
		if ( ! c$conn?$orig_pid )
			++unanswered;
		++n;
		}

	local after = get_proc_stats();
	local spent = ( after$user_time + after$system_time ) - ( before$user_time + before$system_time );
	print fmt("%d %.1f %.0f %d", known, interval_to_double(spent) * 1e6 / connections, bytes * 1.0 / known, unanswered);
	terminate();
	}

event zeek_init() &priority=-20
	{
	local before = get_proc_stats()$mem;
	local hosts = known / per_host / 2;
	local host = 0;
	while ( host < ( hosts == 0 ? 1 : hosts ) )
		{
		local hid = fmt("h%d", host);
		event osquery::hosts::host_copied(osquery::hosts::Host($id=hid, $hostname=hid, $addresses=set(address(host)),
		                                                       $last_seen=network_time()));
		local n = 0;
		while ( n < per_host )
			{
			local owner = osquery::attribution::Owner($hid=hid, $hostname=hid, $pid=n, $process="program",
			                                          $path="/usr/bin/program", $user="user");
			local s = osquery::attribution::Socket($owner=owner, $local_h=address(host), $local_p=count_to_port(10000 + n, tcp),
			    $remote_h=192.0.2.1, $remote_p=443/tcp, $first=network_time() - 10sec);
			event osquery::attribution::socket_changed(fmt("%s|%d", hid, n), s, T);
			osquery::attribution::note_accept(owner, 192.0.2.1, count_to_port(10000 + n, tcp), network_time(), network_time());
			++n;
			}
		++host;
		}
	event measure(before);
	}
