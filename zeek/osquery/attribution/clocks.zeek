##! Times of hosts in Zeek's time. A host whose clock is right needs no correction; one whose clock is off is corrected
##! by the smallest difference between when its rows say they are from and when they came: a row can't come too early.

@load ./types

module osquery::attribution;

export {
	## The time by the host's clock, in Zeek's time.
	global zeek_time: function(hid: string, host_time: time): time;

	## A row of this host, from this time by its clock, has just come.
	global note_clock: function(hid: string, host_time: time);
}

type Clock: record {
	# Smallest differences of this period and of the one before.
	least: interval;
	least_before: interval &optional;
	since: time;
};

const clock_period = 5min;

global clocks: table[string] of Clock;

function note_clock(hid: string, host_time: time)
	{
	local now = network_time();
	local difference = now - host_time;
	if ( hid !in clocks )
		{
		clocks[hid] = Clock($least=difference, $since=now);
		return;
		}

	local c = clocks[hid];
	if ( now - c$since > clock_period )
		{
		c$least_before = c$least;
		c$least = difference;
		c$since = now;
		}
	else if ( difference < c$least )
		c$least = difference;
	}

function zeek_time(hid: string, host_time: time): time
	{
	if ( hid !in clocks )
		return host_time;

	local c = clocks[hid];
	local offset = c$least;
	if ( c?$least_before && c$least_before < offset )
		offset = c$least_before;

	return offset > clock_tolerance || offset < -clock_tolerance ? host_time + offset : host_time;
	}

event osquery::host_forgotten(host_id: string)
	{
	delete clocks[host_id];
	}
