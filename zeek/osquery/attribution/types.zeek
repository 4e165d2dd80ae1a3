##! What attribution works with, and what an operator can set.

@load base/protocols/conn
@load ../framework

module osquery::attribution;

export {
	## Seconds between polls of the hosts' sockets.
	option query_interval = 10;

	## Use what Linux hosts audit: ``socket_events`` (connect, accept, bind) and ``process_events``. It finds short
	## connections, too. The hosts need osqueryd's audit flags; ``bro-osquery doctor`` names them.
	const use_socket_events = F &redef;

	## Seconds between runs of the queries of events.
	option event_interval = 1;

	## A line of conn.log waits so long after its connection's end for evidence that is still under way. It is written
	## as soon as both ends are decided. 0 secs: it does not wait. Before Zeek 6.2 it never waits.
	option max_wait = 30sec;

	## What a host told of a socket that is gone, of a connect or an accept is kept for so long.
	option linger = 2min;

	## Starts of processes are kept for so long.
	option process_linger = 1hr;

	## Clocks of hosts that differ by less than this count as right, and evidence is taken so much before and after.
	option clock_tolerance = 2sec;

	## osqueryd reads the kernel's audit records in batches: so long after a connect it may tell of it at the latest.
	option max_event_delay = 90sec;

	## A batch is late by no more than this: what comes later belongs to the next one.
	option event_lag = 15sec;

	## Two connects of different processes may come in either order if they are closer than this ...
	option order_tolerance = 100usec;

	## ... or than this, where more than ``crowd_size`` connections to the same server begin within 5 msecs before and
	## after: processes that compete for the CPU are audited late.
	option crowd_tolerance = 20msec;
	option crowd_size: count = 4;

	## So many connects and connections to one server and port of one host are paired at once.
	option max_pairing: count = 5000;

	## The host whose loopback this Zeek sees; empty: the one whose hostname is that of this machine.
	option loopback_host = "";

	## How often the counts of answers are logged; 0 secs: never.
	option report_interval = 10min;

	## Who is behind an end of a connection.
	type Owner: record {
		hid: string;
		hostname: string;
		## Unset where several processes are possible.
		pid: int &optional;
		process: string &optional;
		path: string &optional;
		user: string &optional;
	};

	## How an owner was found, from the strongest to the weakest:
	## exact: the process held this very socket while the connection lived;
	## accept: the process accepted this connection;
	## ordered: the connects and the connections of the host to this server pair in no other way;
	## listener: the process listens on this port;
	## ambiguous: several processes are possible, and what they have in common is told.
	const strength: table[string] of count = {
		["exact"] = 5, ["accept"] = 4, ["ordered"] = 3, ["listener"] = 2, ["ambiguous"] = 1
	};

	## What is known of an end of a connection.
	type Answer: record {
		## One of :zeek:see:`osquery::attribution::strength`; unset where there is no evidence.
		evidence: string &optional;
		## Unset where even the host is not known.
		owner: Owner &optional;
	};

	## An end of a connection: its own address and port, those of the other end, and when the connection lived.
	type End: record {
		local_h: addr;
		local_p: port;
		remote_h: addr;
		remote_p: port;
		is_orig: bool;
		start: time;
		end: time;
		## Of how many connections with the same addresses and ports in the last two minutes it is which, from 0.
		turn: count &default=0;
		turns: count &default=1;
		## One of them was shortly before or after.
		reused: bool &default=F;
	};

	## Whether ``now`` is an answer that replaces ``before``: a weaker one never does.
	global stronger: function(now: Answer, before: Answer): bool;

	## What all of these owners have in common; without a pid where that differs.
	global common: function(owners: vector of Owner): Owner;
}

function strength_of(a: Answer): count
	{
	return a?$evidence ? strength[a$evidence] : 0;
	}

function stronger(now: Answer, before: Answer): bool
	{
	return strength_of(now) > strength_of(before) || ( ! before?$owner && now?$owner );
	}

# Whether two owners are one process, as far as is known.
function same_process(a: Owner, b: Owner): bool
	{
	return a$hid == b$hid && a?$pid && b?$pid && a$pid == b$pid;
	}

function common(owners: vector of Owner): Owner
	{
	local all = copy(owners[0]);
	local several_hosts = F;
	for ( i, o in owners )
		{
		if ( i == 0 )
			next;

		if ( o$hid != all$hid )
			several_hosts = T;
		if ( all?$pid && ( ! o?$pid || o$pid != all$pid || several_hosts ) )
			delete all$pid;
		if ( all?$process && ( ! o?$process || o$process != all$process ) )
			delete all$process;
		if ( all?$path && ( ! o?$path || o$path != all$path ) )
			delete all$path;
		if ( all?$user && ( ! o?$user || o$user != all$user ) )
			delete all$user;
		}

	if ( several_hosts )
		{
		all$hid = "";
		all$hostname = "";
		}

	return all;
	}
