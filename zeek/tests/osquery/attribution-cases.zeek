# @TEST-DOC: Each case of attribution is decided as written down, and conn.log waits for evidence that comes late.
# @TEST-EXEC: zeek -r $TRACES/clock.pcap %INPUT Cases::cases=$SCRIPTS/tests/attribution/cases.txt >output
# @TEST-EXEC: btest-diff output

@load osquery/attribution

redef osquery::attribution::use_socket_events = T;
redef osquery::sync_interval = 1day;
redef osquery::attribution::loopback_host = "lo-1";

module Cases;

export {
	const cases = "" &redef;
}

type Line: record {
	text: string;
};

global lines: vector of vector of string;
global begin: time;
global expected: table[string] of string;
global names: table[string] of string;
global running = "";

function n(text: string): int
	{
	return to_int(text);
	}

# Seconds since the trace's beginning, as osquery has them.
function seconds(text: string): int
	{
	return double_to_int(time_to_double(begin)) + to_int(text);
	}

function ends(t: vector of string): connection
	{
	local transport = t[3] == "udp" ? udp : ( t[3] == "icmp" ? icmp : tcp );
	local id = conn_id($orig_h=to_addr(t[4]), $orig_p=count_to_port(to_count(t[5]), transport), $resp_h=to_addr(t[6]),
	                   $resp_p=count_to_port(to_count(t[7]), transport));
	local e = endpoint($size=0, $state=0, $flow_label=0, $l2_addr="");
	local c = connection($id=id, $orig=e, $resp=e, $start_time=begin + double_to_interval(to_double(t[8])),
	                     $duration=double_to_interval(to_double(t[9]) - to_double(t[8])), $service=set(), $history="",
	                     $uid=t[2]);
	c$conn = Conn::Info($ts=c$start_time, $uid=c$uid, $id=id, $proto=transport);
	return c;
	}

global started: table[string] of connection;

event play(t: vector of string)
	{
	local info = osquery::ResultInfo($host=t[2], $utype=osquery::ADD, $cookie="");
	switch ( t[1] )
		{
		case "host":
			local found: set[addr];
			for ( _, text in split_string(t[3], /,/) )
				add found[to_addr(text)];
			event osquery::hosts::host_new("endpoint-" + t[2], t[2], vector());
			event osquery::hosts::host_details_v1(t[2], osquery::hosts::HostDetailsV1($endpoint_id="endpoint-" + t[2],
			    $instance_id="i", $hostname=t[2], $addresses=found, $groups=vector(), $platform="debian", $os_name="",
			    $agent_version="1.0.0"));
			break;
		case "gone":
			event osquery::hosts::host_farewell(t[2]);
			break;
		case "socket":
			info$utype = t[3] == "+" ? osquery::ADD : osquery::REMOVE;
			event osquery::attribution::socket_row(info, n(t[4]), 3, n(t[5]), t[6], n(t[7]), t[8], n(t[9]), t[10],
			                                       "/bin/" + t[10], "alice");
			break;
		case "connect", "accept", "bind":
			event osquery::attribution::socket_event_row(info, cat(t), t[1], n(t[3]), t[4], "/bin/" + t[9], t[5], n(t[6]), t[7],
			                                             n(t[8]), seconds(t[10]), "", "", "");
			break;
		case "exec":
			event osquery::attribution::process_event_row(info, n(t[3]), "/bin/" + t[4], seconds(t[5]), t[6]);
			break;
		case "clock":
			osquery::attribution::note_clock(t[2], network_time() + to_int(t[3]) * 1sec);
			break;
		case "foreign":
			event osquery::attribution::foreign_row(info, n(t[3]));
			break;
		case "forking":
			event osquery::attribution::forking_row(info, n(t[3]), n(t[4]));
			break;
		case "begin":
			started[t[2]] = ends(t);
			event connection_established(started[t[2]]);
			break;
		case "end":
			local c = t[2] in started ? started[t[2]] : ends(t);
			c$duration = double_to_interval(to_double(t[9]) - to_double(t[8]));
			event connection_state_remove(c);
			break;
		}
	}

function shown(evidence: string, pid: string, process: string, user: string, hid: string): string
	{
	return fmt("%s %s %s %s %s", evidence, pid, process, user, hid);
	}

event osquery::attribution::attributed(rec: Conn::Info)
	{
	if ( rec$uid !in expected )
		return;

	local orig = shown(rec?$orig_attribution ? rec$orig_attribution : "-", rec?$orig_pid ? cat(rec$orig_pid) : "-",
	                   rec?$orig_process ? rec$orig_process : "-", rec?$orig_user ? rec$orig_user : "-",
	                   rec?$orig_hid ? rec$orig_hid : "-");
	local resp = shown(rec?$resp_attribution ? rec$resp_attribution : "-", rec?$resp_pid ? cat(rec$resp_pid) : "-",
	                   rec?$resp_process ? rec$resp_process : "-", rec?$resp_user ? rec$resp_user : "-",
	                   rec?$resp_hid ? rec$resp_hid : "-");
	local found = fmt("%s|%s", orig, resp);
	if ( found == expected[rec$uid] )
		print fmt("%s (%s): as expected", names[rec$uid], rec$uid);
	else
		print fmt("%s (%s): %s, not %s", names[rec$uid], rec$uid, found, expected[rec$uid]);

	delete expected[rec$uid];
	}

event line(description: Input::EventDescription, what: Input::Event, l: Line)
	{
	local t = split_string(l$text, /\|/);
	if ( /^#/ in l$text || l$text == "" )
		return;

	if ( t[0] == "case" )
		running = t[1];
	else if ( t[0] == "expect" )
		{
		expected[t[1]] = fmt("%s|%s", t[2], t[3]);
		names[t[1]] = running;
		}
	else
		lines += t;
	}

event Input::end_of_data(source: string, path: string)
	{
	continue_processing();
	}

event network_time_init()
	{
	begin = network_time();
	for ( _, t in lines )
		schedule double_to_interval(to_double(t[0])) { play(t) };
	}

event zeek_done()
	{
	for ( uid, text in expected )
		print fmt("%s (%s): no line in conn.log, not %s", names[uid], uid, text);
	}

event zeek_init()
	{
	suspend_processing();
	Input::add_event([$source=cases, $reader=Input::READER_RAW, $name="cases", $fields=Line, $ev=line, $want_record=T]);
	}
