##! Beacons and large uploads, named by program and user: connections of one program to one place at even intervals, and
##! much data to one place, whether in one connection or in many.

@load base/protocols/conn
@load base/protocols/conn/thresholds
@load ../attribution
@load ./finding

module osquery::beacons;

export {
	redef enum Notice::Type += {
		## A program connects to one place again and again, at even intervals.
		Beacon,
		## A program has sent much data to one place.
		Large_Upload,
	};

	## Whether destinations within own networks count as well.
	option inside_too = F;

	## How many connections at least, over what time at least.
	option min_connections: count = 12;
	option min_time = 30min;

	## Intervals shorter than this are no beacon, but traffic.
	option min_interval = 5sec;

	## By how much intervals may differ: standard deviation by mean.
	option max_jitter = 0.2;

	## How many of the intervals may be gaps: a host asleep, or connections that nobody is known to have made. They are
	## longer than 1.6 times the mean.
	option max_gaps = 0.2;

	## What beats by its nature.
	option ignore_ports: set[port] = { 53/udp, 53/tcp, 123/udp };

	## Programs whose connections to outside are even and meant to be, by name.
	option ignore_programs: set[string] = {};

	## A place that no program has connected to for so long is forgotten.
	option forget = 6hr;

	## So many bytes to one place within so long are a large upload, where so many times less came back.
	option upload_bytes: count = 500000000;
	const upload_window = 1hr &redef;
	option upload_ratio = 4.0;

	option suppress = 1day;

	## A connection that ended or has sent much, sent to the node that keeps that place.
	type Observation: record {
		hid: string;
		hostname: string;
		## Empty where nobody is known to have made the connection.
		process: string &default="";
		user: string &default="";
		pid: int &optional;
		resp_h: addr;
		resp_p: port;
		uid: string;
		start: time;
		sent: count;
		received: count;
		## Whether the connection has ended.
		over: bool;
	};

	global observed: event(o: Observation);
}

# Intervals between the beginnings of connections: their number, mean and sum of squared differences (Welford).
type Rhythm: record {
	first: time;
	last: time;
	n: count &default=0;
	mean: double &default=0.0;
	squares: double &default=0.0;
	gaps: count &default=0;
	connections: count &default=1;
	## How many of them are known to be the program's.
	known: count &default=0;
};

# Who is known to have connected to a place.
type Connector: record {
	process: string;
	user: string;
};

global connectors: table[string, addr, port] of set[Connector] &read_expire=forget;

global rhythms: table[string, string, string, addr, port] of Rhythm &write_expire=forget;

type Amount: record {
	sent: count &default=0;
	received: count &default=0;
	connections: count &default=0;
	since: time;
	## What connections that go on have been counted for.
	counted: table[string] of count &default=table();
};

global amounts: table[string, string, string, addr] of Amount &create_expire=upload_window;

function tell(o: Observation)
	{
	if ( ! Cluster::is_enabled() )
		{
		event observed(o);
		return;
		}

	# Each place has its node, so that the connections that several workers see come together.
	if ( ! Cluster::publish_hrw(Cluster::proxy_pool, cat(o$hid, o$resp_h), observed, o) )
		osquery::publish(Cluster::manager_topic, osquery::make_event(observed, o));
	}

function to_ignore(id: conn_id): bool
	{
	return id$resp_p in ignore_ports || id$resp_h in 224.0.0.0/4 || id$resp_h in [ff00::]/8 ||
	       ! osquery::hosts::is_reachable(id$resp_h) ||
	       ( ! inside_too && osquery::detections::is_inside(id$resp_h) );
	}

# The host of an address, unless several share it.
function host_of(a: addr): string
	{
	if ( |osquery::hosts::by_address(a)| == 1 )
		for ( hid in osquery::hosts::by_address(a) )
			return hid;

	return "";
	}

event osquery::attribution::attributed(rec: Conn::Info)
	{
	local hid = rec?$orig_hid ? rec$orig_hid : host_of(rec$id$orig_h);
	if ( hid == "" || rec$proto == icmp || to_ignore(rec$id) )
		return;

	local o = Observation($hid=hid, $hostname=osquery::hosts::hostname(hid), $resp_h=rec$id$resp_h,
	    $resp_p=rec$id$resp_p, $uid=rec$uid, $start=rec$ts, $sent=rec?$orig_bytes ? rec$orig_bytes : 0,
	    $received=rec?$resp_bytes ? rec$resp_bytes : 0, $over=T);
	if ( rec?$orig_process )
		o$process = rec$orig_process;
	if ( rec?$orig_user )
		o$user = rec$orig_user;
	if ( rec?$orig_pid )
		o$pid = rec$orig_pid;

	if ( o$process !in ignore_programs )
		tell(o);
	}

# An upload that goes on is told of before it ends.
event connection_established(c: connection)
	{
	if ( |osquery::hosts::by_address(c$id$orig_h)| > 0 && ! to_ignore(c$id) )
		ConnThreshold::set_bytes_threshold(c, upload_bytes, T);
	}

event ConnThreshold::bytes_threshold_crossed(c: connection, threshold: count, is_orig: bool)
	{
	if ( ! is_orig || threshold != upload_bytes || to_ignore(c$id) )
		return;

	for ( owner in osquery::attribution::lookup(c$id$orig_h, c$id$orig_p, c$id$resp_h, c$id$resp_p) )
		{
		if ( ! owner?$process || owner$process in ignore_programs )
			return;

		tell(Observation($hid=owner$hid, $hostname=owner$hostname, $process=owner$process,
		    $user=owner?$user ? owner$user : "", $resp_h=c$id$resp_h, $resp_p=c$id$resp_p, $uid=c$uid,
		    $start=c$start_time, $sent=threshold, $received=c$resp$size, $over=F));
		return;
		}
	}

function finding(kind: Notice::Type, o: Observation, since: time, msg: string): Notice::Info
	{
	local n = Notice::Info($note=kind, $dst=o$resp_h, $p=o$resp_p, $uid=o$uid, $hid=o$hid, $hostname=o$hostname,
	    $process=o$process, $user=o$user, $since=since, $msg=msg, $suppress_for=suppress,
	    $identifier=cat(o$hid, o$process, o$user, o$resp_h));
	if ( o?$pid )
		n$pid = o$pid;

	return n;
	}

function who(o: Observation): string
	{
	return fmt("%s: %s%s", o$hostname, o$process, o$user == "" ? "" : fmt(" of %s", o$user));
	}

function deviation(r: Rhythm): double
	{
	return r$n < 2 ? 0.0 : sqrt(r$squares / ( r$n - 1 ));
	}

function judge_rhythm(o: Observation, r: Rhythm)
	{
	if ( r$connections < min_connections || r$last - r$first < min_time || r$mean < interval_to_double(min_interval) ||
	     deviation(r) > max_jitter * r$mean || r$gaps > max_gaps * ( r$n + r$gaps ) )
		return;

	local n = finding(Beacon, o, r$first,
	    fmt("%s has connected to %s, port %s, %d times at intervals of %.1f s (standard deviation %.1f s)%s", who(o),
	        o$resp_h, o$resp_p, r$connections, r$mean, deviation(r),
	        r$known < r$connections ? fmt("; %d of these connections are known to be its, and none anybody else's", r$known) : ""));
	n$n = r$connections;
	n$techniques = set("T1071", "T1029");
	osquery::detections::raise(n);
	}

function beat(o: Observation, known: count)
	{
	if ( [o$hid, o$process, o$user, o$resp_h, o$resp_p] !in rhythms )
		{
		rhythms[o$hid, o$process, o$user, o$resp_h, o$resp_p] = Rhythm($first=o$start, $last=o$start,
		                                                                          $known=known);
		return;
		}

	local r = rhythms[o$hid, o$process, o$user, o$resp_h, o$resp_p];
	local passed = interval_to_double(o$start - r$last);
	# Connections are told of when they end, so an earlier one may come later.
	if ( passed <= 0.0 )
		return;

	++r$connections;
	r$known += known;
	r$last = o$start;
	if ( r$n >= 3 && passed > 1.6 * r$mean )
		{
		++r$gaps;
		# A rhythm that has changed begins anew.
		if ( r$gaps > max_gaps * ( r$n + r$gaps ) + 2 )
			rhythms[o$hid, o$process, o$user, o$resp_h, o$resp_p] = Rhythm($first=o$start, $last=o$start);
		return;
		}

	++r$n;
	local off = passed - r$mean;
	r$mean += off / r$n;
	r$squares += off * ( passed - r$mean );
	judge_rhythm(o, r);
	}

function sum_up(o: Observation)
	{
	if ( [o$hid, o$process, o$user, o$resp_h] !in amounts )
		amounts[o$hid, o$process, o$user, o$resp_h] = Amount($since=o$start);

	local a = amounts[o$hid, o$process, o$user, o$resp_h];
	local counted = o$uid in a$counted ? a$counted[o$uid] : 0;
	if ( o$over )
		{
		++a$connections;
		delete a$counted[o$uid];
		}
	else
		a$counted[o$uid] = o$sent;

	if ( o$sent > counted )
		a$sent += o$sent - counted;
	if ( o$over )
		a$received += o$received;

	if ( a$sent < upload_bytes || a$sent < upload_ratio * ( a$received + ( o$over ? 0 : o$received ) ) )
		return;

	local n = finding(Large_Upload, o, a$since,
	    fmt("%s has sent %.1f MB to %s, port %s, in %s", who(o), a$sent / 1000000.0, o$resp_h, o$resp_p,
	        a$connections > 1 ? fmt("%d connections", a$connections) : "one connection"));
	n$n = a$sent;
	n$techniques = set("T1048", "T1041");
	osquery::detections::raise(n);
	}

event observed(o: Observation) &is_used
	{
	if ( [o$hid, o$resp_h, o$resp_p] !in connectors )
		connectors[o$hid, o$resp_h, o$resp_p] = set();

	local known = 1;
	local those = connectors[o$hid, o$resp_h, o$resp_p];
	if ( o$process != "" )
		add those[Connector($process=o$process, $user=o$user)];
	else
		{
		# A connection of nobody's belongs to the one program that connects there; where there are several, to none.
		if ( |those| != 1 )
			return;

		known = 0;
		for ( one in those )
			{
			o$process = one$process;
			o$user = one$user;
			}
		}

	if ( o$over )
		beat(o, known);

	sum_up(o);
	}
