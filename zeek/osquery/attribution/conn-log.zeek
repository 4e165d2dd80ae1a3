##! The fields of ``conn.log``, and the wait for evidence that is under way when a connection has ended.

@load ./decide

module osquery::attribution;

export {
	redef record Conn::Info += {
		## Host, process and user behind the originator, and how that was found: exact, accept, ordered, listener or
		## ambiguous, see :zeek:see:`osquery::attribution::strength`.
		orig_hid: string &log &optional;
		orig_hostname: string &log &optional;
		orig_pid: int &log &optional;
		orig_process: string &log &optional;
		orig_user: string &log &optional;
		orig_attribution: string &log &optional;
		## Host, process and user behind the responder.
		resp_hid: string &log &optional;
		resp_hostname: string &log &optional;
		resp_pid: int &log &optional;
		resp_process: string &log &optional;
		resp_user: string &log &optional;
		resp_attribution: string &log &optional;
	};

	redef record connection += {
		## Whether attribution knows of it: it is told once.
		osquery_opened: bool &default=F;
	};

	## What is asked of a connection that has ended; an end whose host is not known is unset.
	type Asked: record {
		uid: string;
		## The node that asks.
		node: string &default="";
		orig: End &optional;
		resp: End &optional;
		since: time;
	};

	## Fills the fields of a connection that has ended, now or when its line is written.
	global log_connection: function(c: connection);

	## Both answers are final: nothing more is waited for.
	global answered: event(uid: string, orig: Answer, resp: Answer);

	## The fields of a connection's line are final. ``Conn::log_conn`` comes before lines have waited.
	global attributed: event(info: Conn::Info);

	## A worker's connection, told to the node that pairs.
	global opened: event(hid: string, uid: string, e: End, sure: bool);

	## A worker's question.
	global ask: event(q: Asked);

	## An end has got its final answer, on the node that logs the connection. ``what`` is the kind of evidence, or none.
	global counted: event(is_orig: bool, what: string);
}

# Lines of conn.log that wait.
type Waiting: record {
	info: Conn::Info;
@ifdef ( Log::delay )
	token: Log::DelayToken &optional;
@endif
	orig: Answer &default=Answer();
	resp: Answer &default=Answer();
	asked: Asked;
};
global waiting: table[string] of Waiting;

# The last connections by addresses and ports, in their order.
type Lifetime: record {
	uid: string;
	start: time;
	end: time;
};
global lifetimes: table[addr, port, addr, port] of vector of Lifetime &write_expire=linger;

function fill(w: Waiting)
	{
	local i = w$info;
	if ( w$orig?$owner )
		{
		local o = w$orig$owner;
		i$orig_hid = o$hid;
		i$orig_hostname = o$hostname;
		if ( o?$pid )
			i$orig_pid = o$pid;
		if ( o?$process )
			i$orig_process = o$process;
		if ( o?$user )
			i$orig_user = o$user;
		}
	if ( w$orig?$evidence )
		i$orig_attribution = w$orig$evidence;

	if ( w$resp?$owner )
		{
		local r = w$resp$owner;
		i$resp_hid = r$hid;
		i$resp_hostname = r$hostname;
		if ( r?$pid )
			i$resp_pid = r$pid;
		if ( r?$process )
			i$resp_process = r$process;
		if ( r?$user )
			i$resp_user = r$user;
		}
	if ( w$resp?$evidence )
		i$resp_attribution = w$resp$evidence;
	}

function finish(uid: string, orig: Answer, resp: Answer)
	{
	local w = waiting[uid];
	if ( stronger(orig, w$orig) )
		w$orig = orig;
	if ( stronger(resp, w$resp) )
		w$resp = resp;

	delete waiting[uid];
	fill(w);
	event attributed(w$info);
	if ( w$asked?$orig )
		event counted(T, w$orig?$evidence ? w$orig$evidence : "none");
	if ( w$asked?$resp )
		event counted(F, w$resp?$evidence ? w$resp$evidence : "none");

@ifdef ( Log::delay )
	if ( w?$token )
		Log::delay_finish(Conn::LOG, w$info, w$token);
@endif
	}

event answered(uid: string, orig: Answer, resp: Answer) &is_used
	{
	if ( uid in waiting )
		finish(uid, orig, resp);
	}

event attributed(info: Conn::Info) &is_used
	{
	}

event counted(is_orig: bool, what: string) &is_used
	{
	}

function note_lifetime(c: connection)
	{
	local id = c$id;
	local kept: vector of Lifetime;
	if ( [id$orig_h, id$orig_p, id$resp_h, id$resp_p] in lifetimes )
		for ( _, l in lifetimes[id$orig_h, id$orig_p, id$resp_h, id$resp_p] )
			if ( l$uid != c$uid && network_time() - l$end < linger )
				kept += l;

	kept += Lifetime($uid=c$uid, $start=c$start_time, $end=c$start_time + c$duration);
	local i = |kept| - 1;
	while ( i > 0 && kept[i - 1]$start > c$start_time )
		{
		kept[i] = kept[i - 1];
		--i;
		}
	kept[i] = Lifetime($uid=c$uid, $start=c$start_time, $end=c$start_time + c$duration);
	lifetimes[id$orig_h, id$orig_p, id$resp_h, id$resp_p] = |kept| > 16 ? kept[1:] : kept;
	}

# Another connection may have the same addresses and ports so shortly before or after that what was seen may be that
# one's.
function take_turn(uid: string, e: End)
	{
	local kept: vector of Lifetime;
	if ( e$is_orig && [e$local_h, e$local_p, e$remote_h, e$remote_p] in lifetimes )
		kept = lifetimes[e$local_h, e$local_p, e$remote_h, e$remote_p];
	else if ( ! e$is_orig && [e$remote_h, e$remote_p, e$local_h, e$local_p] in lifetimes )
		kept = lifetimes[e$remote_h, e$remote_p, e$local_h, e$local_p];

	if ( |kept| < 2 )
		return;

	e$turns = |kept|;
	local near = query_interval * 1sec + 2 * clock_tolerance;
	for ( i, l in kept )
		if ( l$uid == uid )
			e$turn = i;
		else if ( e$start - l$end < near && l$start - e$end < near )
			e$reused = T;
	}

function settled(a: Answer): bool
	{
	return a?$evidence && ( a$evidence == "exact" || a$evidence == "accept" );
	}

# Whether evidence of this end may still be under way.
function complete(e: End): bool
	{
	for ( hid in hosts_at(e$local_h) )
		if ( tells_events(hid) && ! told_all(hid, e$start) )
			return F;

	return T;
	}

# After its end a connection's poll, and what else is under way, comes within so long.
const settle = 6sec;

# Whether all connections about this one are known, those too that were only attempted: then connects can be paired.
function ripe(e: End): bool
	{
	for ( hid in hosts_at(e$local_h) )
		if ( tells_events(hid) )
			return network_time() - e$start > attempt_wait + 2 * clock_tolerance;

	return T;
	}

function final(q: Asked, orig: Answer, resp: Answer): bool
	{
	local now = network_time();
	if ( zeek_is_terminating() || now - q$since >= max_wait )
		return T;

	local orig_done = ! q?$orig || settled(orig);
	local resp_done = ! q?$resp || settled(resp);
	if ( orig_done && resp_done )
		return T;

	if ( now - q$since < settle || ( ! orig_done && ! ripe(q$orig) ) )
		return F;

	return ( orig_done || complete(q$orig) ) && ( resp_done || complete(q$resp) );
	}

global answer_later: event(q: Asked);

function answer_now(q: Asked)
	{
	# What has an answer already is asked no more.
	if ( q$node == "" && q$uid !in waiting )
		return;

	if ( q$node == "" )
		{
		if ( q?$orig )
			take_turn(q$uid, q$orig);
		if ( q?$resp )
			take_turn(q$uid, q$resp);
		}

	local pair_up = q?$orig && ( zeek_is_terminating() || ripe(q$orig) );
	local orig = q?$orig ? answer(q$uid, q$orig, pair_up) : Answer();
	local resp = q?$resp ? answer(q$uid, q$resp, F) : Answer();
	if ( ! final(q, orig, resp) )
		{
		schedule 2sec { answer_later(q) };
		return;
		}

	if ( q$node == "" )
		finish(q$uid, orig, resp);
	else
		osquery::publish(Cluster::node_topic(q$node), osquery::make_event(answered, q$uid, orig, resp));
	}

event answer_later(q: Asked)
	{
	answer_now(q);
	}

event ask(q: Asked) &is_used
	{
	if ( ! osquery::is_owner() )
		return;

	if ( q?$orig )
		note_closed(q$uid, q$orig$end);
	answer_now(q);
	}

event opened(hid: string, uid: string, e: End, sure: bool) &is_used
	{
	if ( osquery::is_owner() )
		note_opened(hid, uid, e, sure);
	}

function orig_end(c: connection): End
	{
	local id = c$id;
	return End($local_h=id$orig_h, $local_p=id$orig_p, $remote_h=id$resp_h, $remote_p=id$resp_p, $is_orig=T,
	           $start=c$start_time, $end=c$start_time + c$duration);
	}

function resp_end(c: connection): End
	{
	local id = c$id;
	return End($local_h=id$resp_h, $local_p=id$resp_p, $remote_h=id$orig_h, $remote_p=id$orig_p, $is_orig=F,
	           $start=c$start_time, $end=c$start_time + c$duration);
	}

# Tells of a connection once: connects are paired with it.
function tell_opened(c: connection, sure: bool)
	{
	if ( c$osquery_opened || ! use_socket_events )
		return;

	c$osquery_opened = T;
	local hosts = hosts_at(c$id$orig_h);
	if ( |hosts| != 1 )
		return;

	for ( hid in hosts )
		if ( osquery::is_owner() )
			note_opened(hid, c$uid, orig_end(c), sure);
		else
			osquery::publish(Cluster::manager_topic, osquery::make_event(opened, hid, c$uid, orig_end(c), sure));
	}

event connection_established(c: connection)
	{
	tell_opened(c, T);
	if ( |hosts_at(c$id$orig_h)| > 0 || |hosts_at(c$id$resp_h)| > 0 )
		note_lifetime(c);
	}

function log_connection(c: connection)
	{
	local id = c$id;
	local transport = get_port_transport_proto(id$resp_p);
	local has_orig = |hosts_at(id$orig_h)| > 0;
	local has_resp = |hosts_at(id$resp_h)| > 0;
	local q = Asked($uid=c$uid, $since=network_time());
	if ( transport == tcp && ( has_orig || has_resp ) )
		{
		note_lifetime(c);
		tell_opened(c, F);
		}

	local e = orig_end(c);
	take_turn(c$uid, e);
	# A container's address is no address of a host; its sockets are known all the same.
	if ( has_orig || |holders(e)| > 0 )
		q$orig = e;

	local r = resp_end(c);
	take_turn(c$uid, r);
	if ( has_resp || |holders(r)| > 0 )
		q$resp = r;

	if ( ! q?$orig && ! q?$resp )
		return;

	local w = Waiting($info=c$conn, $asked=q);
	waiting[c$uid] = w;
	if ( q?$orig )
		note_closed(c$uid, q$orig$end);

@ifdef ( Log::delay )
	local waits = max_wait > 0secs && ! zeek_is_terminating();
@else
	local waits = F;
@endif
	if ( q?$orig )
		w$orig = answer(c$uid, q$orig, ! waits);
	if ( q?$resp )
		w$resp = answer(c$uid, q$resp, ! waits);

	if ( ! waits || final(q, w$orig, w$resp) )
		finish(c$uid, w$orig, w$resp);
	else if ( osquery::is_owner() )
		schedule 2sec { answer_later(q) };
	else
		{
		q$node = Cluster::node;
		osquery::publish(Cluster::manager_topic, osquery::make_event(ask, q));
		}
	}

event connection_state_remove(c: connection)
	{
	if ( c?$conn )
		log_connection(c);
	}

@ifdef ( Log::delay )
# The line is written at last: because it is answered, because it has waited long enough, or because Zeek ends.
function written(rec: any, id: Log::ID): bool
	{
	local info = rec as Conn::Info;
	if ( info$uid !in waiting )
		return T;

	local w = waiting[info$uid];
	delete w$token;
	local q = w$asked;
	finish(info$uid, q?$orig ? answer(q$uid, q$orig, T) : Answer(), q?$resp ? answer(q$uid, q$resp, T) : Answer());
	return T;
	}

hook Log::log_stream_policy(rec: any, id: Log::ID)
	{
	if ( id != Conn::LOG )
		return;

	local info = rec as Conn::Info;
	if ( info$uid in waiting && ! waiting[info$uid]?$token )
		waiting[info$uid]$token = Log::delay(id, rec, written);
	}

event zeek_init()
	{
	Log::set_max_delay_interval(Conn::LOG, max_wait + 15sec);
	Log::set_max_delay_queue_size(Conn::LOG, 1000000);
	}
@endif
