##! A program that talks and should not: the first connection of a program to a port, with a TLS fingerprint where Zeek
##! makes one (the packages JA3 and JA4), among the hosts of the same groups. During a learning time everything is taken
##! as usual; afterwards each new combination is logged in ``osq-first-seen.log`` and raises a notice.

@load base/protocols/conn
@load base/protocols/ssl
@load ../attribution
@load ./finding

module osquery::first_seen;

export {
	redef enum Notice::Type += {
		## A program has connected to a port, as no program of that name in the same groups of hosts did before.
		New_Program_Connection,
	};

	redef enum Log::ID += { LOG };

	## A line of ``osq-first-seen.log``.
	type Info: record {
		ts: time &log;
		group: string &log;
		program: string &log;
		resp_p: port &log;
		proto: transport_proto &log;
		fingerprint: string &log &default="";
		## Whether the group was still learning.
		learning: bool &log;
		hid: string &log;
		hostname: string &log;
		pid: int &log &optional;
		user: string &log &optional;
		resp_h: addr &log;
		uid: string &log;
	};

	global log_policy: Log::PolicyHook;

	## How long a group's connections are taken as usual, from its first one on.
	option learning_time = 7day;

	## Whether destinations within own networks count as well.
	option inside_too = T;

	## Ports above this one that a program connects to are one: those of peer-to-peer, RPC and the like differ each time.
	option highest_port = 32767;

	## Programs of no interest: shells of users, say, whose job is to connect to anything.
	option ignore_programs: set[string] = {};

	option suppress = 1day;

	## A file that the combinations are kept in, so that learning survives Zeek's restart (tab-separated with Zeek's
	## header, as the log; a copy of the log will do); empty: none. Read at the start.
	const known_file = "" &redef;

	## A combination.
	type Combination: record {
		group: string;
		program: string;
		resp_p: port;
		fingerprint: string;
	};

	## The name of the group whose hosts share what is usual. Redefine it to have others.
	const group_of: function(hid: string): string &redef;

	## From the node that has seen it to that which owns the hosts.
	global combination_seen: event(c: Combination, line: Info);
}

global combinations: set[string, string, port, string];

# When a group was seen first.
global groups: table[string] of time;

# Lately told of, on the node that sees the traffic.
global told: set[string, string, port, string] &create_expire=1hr;

# With no groups of their own, hosts of one system belong together.
function groups_or_platform(hid: string): string
	{
	if ( hid !in osquery::hosts::known )
		return "";

	local h = osquery::hosts::known[hid];
	local names: vector of string;
	for ( name in h$groups )
		names += name;

	return |names| == 0 ? osquery::hosts::platform_family(h) : join_string_vec(sort(names, strcmp), ",");
	}

redef group_of = groups_or_platform;

# The packages JA3 and JA4 add these fields, under one name or the other.
function fingerprint(c: connection): string
	{
	if ( c?$ssl )
		{
		local fields = record_fields(c$ssl);
		for ( name in set("ja4", "ja3") )
			if ( name in fields && fields[name]?$value )
				return cat(name, ":", fields[name]$value);
		}

	local own = record_fields(c);
	if ( "fp" in own && own["fp"]?$value )
		{
		local prints = record_fields(own["fp"]$value);
		if ( "ja4" in prints && prints["ja4"]?$value )
			{
			local ja4 = record_fields(prints["ja4"]$value);
			if ( "ja4" in ja4 && ja4["ja4"]?$value )
				return cat("ja4:", ja4["ja4"]$value);
			}
		}

	return "";
	}

global fingerprints: table[string] of string &create_expire=1hr;

# What the line of conn.log doesn't have any more.
event connection_state_remove(c: connection)
	{
	local print_ = fingerprint(c);
	if ( print_ != "" )
		fingerprints[c$uid] = print_;
	}

event osquery::attribution::attributed(rec: Conn::Info)
	{
	if ( ! rec?$orig_hid || ! rec?$orig_process || rec$orig_process in ignore_programs || rec$proto == icmp ||
	     ( ! inside_too && osquery::detections::is_inside(rec$id$resp_h) ) )
		return;

	# Nobody answered: a scan is found elsewhere, and would fill the table.
	if ( rec?$conn_state && rec$conn_state in set("S0", "REJ", "RSTOS0", "SH", "OTH") )
		return;

	local p = rec$id$resp_p;
	if ( port_to_count(p) > highest_port )
		p = count_to_port(highest_port + 1, get_port_transport_proto(p));

	local c = Combination($group=group_of(rec$orig_hid), $program=rec$orig_process, $resp_p=p,
	                      $fingerprint=rec$uid in fingerprints ? fingerprints[rec$uid] : "");
	delete fingerprints[rec$uid];
	if ( [c$group, c$program, c$resp_p, c$fingerprint] in told )
		return;

	add told[c$group, c$program, c$resp_p, c$fingerprint];
	local line = Info($ts=network_time(), $group=c$group, $program=c$program, $resp_p=c$resp_p,
	                  $proto=get_port_transport_proto(c$resp_p), $fingerprint=c$fingerprint, $learning=F, $hid=rec$orig_hid,
	                  $hostname=rec?$orig_hostname ? rec$orig_hostname : rec$orig_hid, $resp_h=rec$id$resp_h,
	                  $uid=rec$uid);
	if ( rec?$orig_pid )
		line$pid = rec$orig_pid;
	if ( rec?$orig_user )
		line$user = rec$orig_user;

	if ( osquery::is_owner() )
		event combination_seen(c, line);
	else
		osquery::publish(Cluster::manager_topic, osquery::make_event(combination_seen, c, line));
	}

event combination_seen(c: Combination, line: Info) &is_used
	{
	if ( [c$group, c$program, c$resp_p, c$fingerprint] in combinations )
		return;

	if ( c$group !in groups )
		groups[c$group] = network_time();

	add combinations[c$group, c$program, c$resp_p, c$fingerprint];
	line$learning = network_time() - groups[c$group] < learning_time;
	Log::write(LOG, line);
	if ( line$learning )
		return;

	local user = line?$user ? line$user : "";
	local n = Notice::Info($note=New_Program_Connection, $dst=line$resp_h, $p=line$resp_p, $uid=line$uid, $hid=line$hid,
	    $hostname=line$hostname, $process=line$program, $user=user, $since=line$ts, $sub=c$fingerprint,
	    $msg=fmt("%s: %s%s connects to %s, port %s: the first time in the group %s", line$hostname, line$program,
	             user == "" ? "" : fmt(" of %s", user), line$resp_h, line$resp_p, c$group),
	    $identifier=cat(c$group, c$program, c$resp_p, c$fingerprint), $techniques=set("T1071", "T1571"),
	    $suppress_for=suppress);
	if ( line?$pid )
		n$pid = line$pid;

	osquery::detections::raise(n);
	}

type KnownLine: record {
	ts: time;
	group: string;
	program: string;
	resp_p: port &type_column="proto";
	fingerprint: string &optional;
};

event known_line(description: Input::EventDescription, what: Input::Event, line: KnownLine)
	{
	# The log writes so for an empty text.
	local print_ = line?$fingerprint && line$fingerprint != "(empty)" ? line$fingerprint : "";
	add combinations[line$group, line$program, line$resp_p, print_];
	if ( line$group !in groups || line$ts < groups[line$group] )
		groups[line$group] = line$ts;
	}

event zeek_init() &priority=10
	{
	Log::create_stream(LOG, [$columns=Info, $path="osq-first-seen", $policy=log_policy]);
	}

event zeek_init()
	{
	if ( known_file != "" && osquery::is_owner() )
		Input::add_event([$source=known_file, $name="osquery-first-seen", $fields=KnownLine, $ev=known_line,
		                  $want_record=T]);
	}
