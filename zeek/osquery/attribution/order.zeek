##! Which connect made which connection. A connect that was audited tells the server's address and port, and nothing of
##! the host's end; but connects and connections come in one order. This pairs both sequences in every way that is
##! possible, and says for each connection which connects can have made it.

@load ./types

module osquery::attribution;

export {
	## A connection of a host to the server.
	type Opened: record {
		uid: string;
		end: End;
		## Whether it was established: then a connect that was audited belongs to it. One that was not may have had none.
		sure: bool;
		## The owner, where that is known otherwise.
		holder: Owner &optional;
	};

	## A connect to the server that was audited.
	type Connect: record {
		owner: Owner;
		## When it happened, in Zeek's time: not before, not after.
		earliest: time;
		latest: time;
		## Whether a connection belongs to it for sure: a connect that is in progress. One that has succeeded may be
		## UDP's, or the second one for the same socket.
		sure: bool;
	};

	## What can have made a connection.
	type Makers: record {
		owners: vector of Owner;
		## Whether it can also have been something that was not told.
		others: bool;
		## The index of the only connect that can have made it.
		connect: count &optional;
		## Whether more may come that belongs to this stretch of the sequences.
		unfinished: bool &default=F;
	};

	## The makers of each connection, and whether there are signs that connects were lost.
	type Pairing: record {
		makers: vector of Makers &default=vector();
		lost: bool &default=F;
	};

	## Pairs both, each in order. Of what happened until ``told_until`` all connects are known, and until ``seen_until``
	## all connections. The result has makers for each connection.
	global pair: function(opened: vector of Opened, connects: vector of Connect, told_until: time, seen_until: time): Pairing;
}

# More processes than this are not told apart.
const most_makers = 200;

# What is left to pair of a stretch, by index. ``oo`` and ``oc`` count those before each that need no counterpart.
type Stretch: record {
	o: vector of count &default=vector();
	c: vector of count &default=vector();
	oo: vector of count &default=vector();
	oc: vector of count &default=vector();
};

# Whether the first a of one sequence and the first b of the other can be paired, if of these oa and ob may stay alone.
function fits(a: count, oa: count, b: count, ob: count): bool
	{
	return a <= b + oa && b <= a + ob;
	}

function fits_before(s: Stretch, i: count, j: count): bool
	{
	return fits(i, s$oo[i], j, s$oc[j]);
	}

function fits_after(s: Stretch, i: count, j: count): bool
	{
	local n = |s$o|;
	local m = |s$c|;
	return fits(n - i, s$oo[n] - s$oo[i], m - j, s$oc[m] - s$oc[j]);
	}

# Connects that made connections whose owner is known otherwise leave the sequence: of several of one process the one
# that is nearest in order. The result tells, by connect, which connection it made.
function take_known(opened: vector of Opened, o_from: count, o_to: count, connects: vector of Connect, c_from: count,
                    c_to: count): table[count] of count
	{
	local by_pid: table[int] of vector of count;
	local at: table[int] of count;
	local taken: table[count] of count;
	local j = c_from;
	while ( j < c_to )
		{
		local pid = connects[j]$owner$pid;
		if ( pid !in by_pid )
			{
			by_pid[pid] = vector();
			at[pid] = 0;
			}
		by_pid[pid] += j;
		++j;
		}

	local i = o_from;
	while ( i < o_to )
		{
		if ( opened[i]?$holder && opened[i]$holder?$pid && opened[i]$holder$pid in by_pid )
			{
			local mine = by_pid[opened[i]$holder$pid];
			local k = at[opened[i]$holder$pid];
			local wanted: int = c_from + i - o_from;
			local near: int = k < |mine| ? mine[k] : 0;
			while ( k + 1 < |mine| )
				{
				local further: int = mine[k + 1];
				if ( |further - wanted| >= |near - wanted| )
					break;
				near = further;
				++k;
				}
			if ( k < |mine| )
				{
				taken[mine[k]] = i;
				at[opened[i]$holder$pid] = k + 1;
				}
			}
		++i;
		}

	return taken;
	}

# How much earlier or later another connection may be whose connect was audited in the other order.
function tolerance(opened: vector of Opened, i: count): interval
	{
	local crowd = 5msec;
	local t = opened[i]$end$start;
	local near = 0;
	local k = i;
	while ( k > 0 && t - opened[k - 1]$end$start <= crowd && near <= crowd_size )
		{
		--k;
		++near;
		}
	k = i + 1;
	while ( k < |opened| && opened[k]$end$start - t <= crowd && near <= crowd_size )
		{
		++k;
		++near;
		}

	return near > crowd_size ? crowd_tolerance : order_tolerance;
	}

function pair_stretch(opened: vector of Opened, o_from: count, o_to: count, connects: vector of Connect, c_from: count,
                      c_to: count, told_until: time, seen_until: time, p: Pairing)
	{
	local result = p$makers;
	local taken = take_known(opened, o_from, o_to, connects, c_from, c_to);
	local s = Stretch();
	local alone = 0;
	local unsure = 0;
	local unfinished = opened[o_to - 1]$end$start > told_until;
	local i = o_from;
	while ( i < o_to )
		{
		if ( ! opened[i]$sure )
			++unsure;
		if ( ! opened[i]?$holder )
			{
			s$o += i;
			s$oo += alone;
			if ( ! opened[i]$sure || opened[i]$end$start > told_until )
				++alone;
			}
		++i;
		}
	s$oo += alone;

	alone = 0;
	local j = c_from;
	while ( j < c_to )
		{
		if ( j !in taken )
			{
			s$c += j;
			s$oc += alone;
			if ( ! connects[j]$sure || connects[j]$latest > seen_until )
				++alone;
			}
		if ( ! connects[j]$sure )
			++unsure;
		if ( connects[j]$latest > seen_until )
			unfinished = T;
		++j;
		}
	s$oc += alone;

	# Where it is known who made a connection, its connect has the same place in order, but for those that stay alone.
	for ( known_c, known_o in taken )
		{
		local shift: int = known_c - c_from;
		shift -= known_o - o_from;
		if ( |shift| > unsure + 2 * crowd_size )
			{
			p$lost = T;
			return;
			}
		}

	local n = |s$o|;
	local m = |s$c|;
	if ( n == 0 || m == 0 )
		return;

	if ( ! fits_before(s, n, m) )
		{
		p$lost = p$lost || ! unfinished;
		return;
		}

	# For each connection the first and the last connect that can have made it, and whether it can have had none.
	local first: vector of count;
	local last: vector of count;
	local none: vector of bool;
	i = 0;
	while ( i < n )
		{
		local low = i > s$oo[i] ? i - s$oo[i] : 0;
		local f = m;
		local l = 0;
		local can_miss = F;
		j = low;
		while ( j <= m && j <= i + s$oc[m] + 1 )
			{
			if ( fits_before(s, i, j) )
				{
				if ( j < m && fits_after(s, i + 1, j + 1) && connects[s$c[j]]$earliest <= opened[s$o[i]]$end$start &&
				     connects[s$c[j]]$latest >= opened[s$o[i]]$end$start )
					{
					if ( f == m )
						f = j;
					l = j + 1;
					}
				if ( s$oo[i + 1] > s$oo[i] && fits_after(s, i + 1, j) )
					can_miss = T;
				}
			if ( l > 0 && l + most_makers < j )
				break;
			++j;
			}
		first += f;
		last += l;
		none += can_miss;
		++i;
		}

	i = 0;
	while ( i < n )
		{
		local t = opened[s$o[i]]$end$start;
		local slack = tolerance(opened, s$o[i]);
		local from = first[i];
		local to = last[i];
		local others = none[i];
		local k = i;
		while ( k > 0 && t - opened[s$o[k - 1]]$end$start <= slack && i - k < most_makers )
			{
			--k;
			from = first[k] < from ? first[k] : from;
			to = last[k] > to ? last[k] : to;
			others = others || none[k];
			}
		k = i + 1;
		while ( k < n && opened[s$o[k]]$end$start - t <= slack && k - i < most_makers )
			{
			from = first[k] < from ? first[k] : from;
			to = last[k] > to ? last[k] : to;
			others = others || none[k];
			++k;
			}

		local only = to == from + 1 && ! others;
		local one = from;
		local pids: set[int];
		pids = set();
		local owners: vector of Owner;
		owners = vector();
		while ( from < to )
			{
			local owner = connects[s$c[from]]$owner;
			if ( owner$pid !in pids )
				{
				add pids[owner$pid];
				owners += owner;
				}
			++from;
			}

		result[s$o[i]] = Makers($owners=owners, $others=others || |owners| > most_makers, $unfinished=unfinished);
		if ( only )
			result[s$o[i]]$connect = s$c[one];
		++i;
		}
	}

function pair(opened: vector of Opened, connects: vector of Connect, told_until: time, seen_until: time): Pairing
	{
	local result = Pairing();
	for ( _ in opened )
		result$makers += Makers($owners=vector(), $others=T);

	# Where no connect can belong to connections on both sides, another stretch begins.
	local i = 0;
	local j = 0;
	while ( i < |opened| )
		{
		local o_from = i;
		local until = opened[i]$end$start;
		while ( j < |connects| && connects[j]$latest < until )
			++j;

		local c_from = j;
		local grows = T;
		while ( grows )
			{
			grows = F;
			while ( i < |opened| && opened[i]$end$start <= until )
				{
				++i;
				grows = T;
				}
			while ( j < |connects| && connects[j]$earliest <= until )
				{
				if ( connects[j]$latest > until )
					until = connects[j]$latest;
				++j;
				grows = T;
				}
			}

		pair_stretch(opened, o_from, i, connects, c_from, j, told_until, seen_until, result);
		}

	return result;
	}
