##! Processes that were started, so that the user of one that has ended is known, too.

@load ./clocks

module osquery::attribution;

export {
	## A process has begun to run a program.
	global note_start: function(hid: string, pid: int, path: string, user: string, at: time);

	## The user of the process that ran this program at that time; empty: not known.
	global user_of: function(hid: string, pid: int, path: string, at: time): string;
}

type Start: record {
	path: string;
	user: string;
	at: time;
};

# The last starts of each pid: the same process may run several programs, and pids are used again.
global starts: table[string, int] of vector of Start &create_expire=process_linger;

const starts_kept = 4;

function note_start(hid: string, pid: int, path: string, user: string, at: time)
	{
	local kept: vector of Start;
	if ( [hid, pid] in starts )
		kept = starts[hid, pid];
	if ( |kept| >= starts_kept )
		kept = kept[1:];

	kept += Start($path=path, $user=user, $at=at);
	delete starts[hid, pid];
	starts[hid, pid] = kept;
	}

function user_of(hid: string, pid: int, path: string, at: time): string
	{
	local user = "";
	if ( [hid, pid] in starts )
		for ( _, s in starts[hid, pid] )
			if ( s$path == path && s$at <= at + clock_tolerance )
				user = s$user;

	return user;
	}
