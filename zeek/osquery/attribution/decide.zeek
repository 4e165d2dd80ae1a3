##! Who is behind an end of a connection, from the strongest evidence down.

@load ./accepts
@load ./connects

module osquery::attribution;

export {
	## Who is behind this end, as far as is known now. ``pair_up``: by pairing connects with connections, too.
	global answer: function(uid: string, e: End, pair_up: bool): Answer;

	## Who holds the socket ``local_h:local_p`` that is connected to ``remote_h:remote_p``, or else listens there, as far
	## as is known now. All nodes of a cluster can ask.
	global lookup: function(local_h: addr, local_p: port, remote_h: addr, remote_p: port): set[Owner];
}

function answer_of(evidence: string, owners: vector of Owner): Answer
	{
	local owner = common(owners);
	local found = Answer($evidence=owner?$pid ? evidence : "ambiguous");
	if ( owner$hid != "" )
		found$owner = owner;

	return found;
	}

function owners_of(found: vector of Socket): vector of Owner
	{
	local owners: vector of Owner;
	for ( _, s in found )
		owners += s$owner;

	return owners;
	}

# The same without the pid.
function program_of(o: Owner): Owner
	{
	local program = copy(o);
	delete program$pid;
	return program;
	}

# Several hosts may have the address. Those that have told no sockets may listen as well.
function listening(e: End): vector of Socket
	{
	local found: vector of Socket;
	for ( hid in hosts_at(e$local_h) )
		{
		if ( hid !in keys_of_host || |keys_of_host[hid]| == 0 )
			return vector();

		for ( _, s in listeners(hid, e) )
			found += s;
		}

	return found;
	}

# Of those that may have accepted it, those that listen on its port, where any of them is known to.
function narrow(accepted: vector of Owner, e: End): vector of Owner
	{
	local narrowed: vector of Owner;
	for ( _, o in accepted )
		for ( _, s in listeners(o$hid, e) )
			if ( same_process(o, s$owner) )
				{
				narrowed += o;
				break;
				}

	return |narrowed| > 0 ? narrowed : accepted;
	}

function answer_responder(e: End): Answer
	{
	local accepted: vector of Owner;
	for ( hid in hosts_at(e$local_h) )
		for ( _, o in acceptors(hid, e) )
			accepted += o;

	if ( |accepted| > 0 )
		{
		local found = answer_of("accept", accepted);
		return found$evidence == "accept" ? found : answer_of("accept", narrow(accepted, e));
		}

	local there = listening(e);
	if ( |there| == 0 )
		return Answer();

	local owners = owners_of(there);
	for ( i, s in owners )
		if ( s$hid in forking_processes && s$pid in forking_processes[s$hid] )
			owners[i] = program_of(s);

	return answer_of("listener", owners);
	}

function answer_originator(uid: string, e: End, pair_up: bool): Answer
	{
	local hosts = hosts_at(e$local_h);
	if ( |hosts| == 1 )
		for ( host in hosts )
			{
			local bound = binders(host, e);
			if ( |bound| > 0 )
				return answer_of("exact", bound);
			}

	if ( get_port_transport_proto(e$local_p) == udp )
		{
		local there = listening(e);
		return |there| > 0 ? answer_of("exact", owners_of(there)) : Answer();
		}

	if ( |hosts| != 1 || ! pair_up )
		return Answer();

	for ( hid in hosts )
		{
		local m = makers(hid, uid, e);
		if ( |m$owners| == 0 )
			return Answer();
		if ( m$others )
			return Answer($evidence="ambiguous");

		return answer_of("ordered", m$owners);
		}

	return Answer();
	}

function answer(uid: string, e: End, pair_up: bool): Answer
	{
	local hosts = hosts_at(e$local_h);
	local found = Answer();
	local transport = get_port_transport_proto(e$local_p);
	if ( transport == tcp || transport == udp )
		{
		local held_by = holders(e);
		if ( |held_by| > 0 )
			found = answer_of("exact", first_holder(held_by));
		else if ( |hosts| > 0 )
			found = e$is_orig ? answer_originator(uid, e, pair_up) : answer_responder(e);
		}

	# The host is known even where the process is not.
	if ( ! found?$owner && |hosts| == 1 )
		for ( hid in hosts )
			found$owner = Owner($hid=hid, $hostname=osquery::hosts::hostname(hid));

	return found;
	}

function lookup(local_h: addr, local_p: port, remote_h: addr, remote_p: port): set[Owner]
	{
	local now = network_time();
	local e = End($local_h=local_h, $local_p=local_p, $remote_h=remote_h, $remote_p=remote_p, $is_orig=F, $start=now - linger,
	              $end=now);
	local owners: set[Owner];
	for ( _, s in holders(e) )
		add owners[s$owner];

	if ( |owners| == 0 )
		{
		e$start = now;
		for ( _, l in listening(e) )
			add owners[l$owner];
		}

	return owners;
	}
