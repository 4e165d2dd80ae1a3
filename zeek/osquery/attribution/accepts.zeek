##! Sockets of which audit tells both ends once, but not when precisely: those that processes accepted (with the client's
##! address and port), and those that processes bound to a port before they connected.

@load ./sockets

module osquery::attribution;

export {
	## A process has accepted a connection of this client, not before ``earliest`` and not after ``latest``.
	global note_accept: function(owner: Owner, client_h: addr, client_p: port, earliest: time, latest: time);

	## A process has connected a socket that it had bound to that port.
	global note_bound: function(owner: Owner, local_p: port, remote_h: addr, remote_p: port, earliest: time, latest: time);

	## The processes that may have accepted the connection of this end.
	global acceptors: function(hid: string, e: End): vector of Owner;

	## Those that may have connected it from a port that they had bound to.
	global binders: function(hid: string, e: End): vector of Owner;
}

type Dated: record {
	owner: Owner;
	earliest: time;
	latest: time;
};

# A busy server accepts later than the client connects.
const backlog_wait = 10sec;

global accepts: table[string, addr, port] of vector of Dated &write_expire=linger;
global bounds: table[string, port, addr, port] of vector of Dated &write_expire=linger;

const dated_kept = 16;

function with_one_more(kept: vector of Dated, d: Dated): vector of Dated
	{
	local more = |kept| >= dated_kept ? kept[1:] : kept;
	more += d;
	return more;
	}

function note_accept(owner: Owner, client_h: addr, client_p: port, earliest: time, latest: time)
	{
	local kept: vector of Dated;
	if ( [owner$hid, client_h, client_p] in accepts )
		kept = accepts[owner$hid, client_h, client_p];

	accepts[owner$hid, client_h, client_p] = with_one_more(kept, Dated($owner=owner, $earliest=earliest, $latest=latest));
	}

function note_bound(owner: Owner, local_p: port, remote_h: addr, remote_p: port, earliest: time, latest: time)
	{
	local kept: vector of Dated;
	if ( [owner$hid, local_p, remote_h, remote_p] in bounds )
		kept = bounds[owner$hid, local_p, remote_h, remote_p];

	bounds[owner$hid, local_p, remote_h, remote_p] = with_one_more(kept, Dated($owner=owner, $earliest=earliest,
	                                                                           $latest=latest));
	}

# Several connections with the same addresses and ports take their turns, if each has been told of. Where one is missing,
# any may be any.
function in_turn(kept: vector of Dated, e: End): vector of Owner
	{
	local found: vector of Owner;
	for ( _, d in kept )
		if ( d$latest >= e$start && d$earliest <= e$start + backlog_wait )
			found += d$owner;

	if ( e$turns > 1 && |kept| == e$turns && |found| > 0 )
		return vector(kept[e$turn]$owner);

	# One that is told for two connections is nobody's for sure.
	if ( e$turns > 1 && |found| == 1 )
		found += Owner($hid=found[0]$hid, $hostname=found[0]$hostname);

	return found;
	}

function acceptors(hid: string, e: End): vector of Owner
	{
	return [hid, e$remote_h, e$remote_p] in accepts ? in_turn(accepts[hid, e$remote_h, e$remote_p], e) : vector();
	}

function binders(hid: string, e: End): vector of Owner
	{
	return [hid, e$local_p, e$remote_h, e$remote_p] in bounds ?
	    in_turn(bounds[hid, e$local_p, e$remote_h, e$remote_p], e) : vector();
	}
