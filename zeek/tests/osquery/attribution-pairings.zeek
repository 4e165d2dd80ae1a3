# @TEST-DOC: Connects are paired with connections as the cases say, which the model of specs/attribution is held to, too.
# @TEST-EXEC: zeek %INPUT Pairings::cases=$SCRIPTS/tests/attribution/pairings.txt >output
# @TEST-EXEC: btest-diff output

@load osquery/attribution

redef exit_only_after_terminate = T;

module Pairings;

export {
	const cases = "" &redef;
}

type Line: record {
	text: string;
};

global name = "";
global told: time;
global seen: time;
global opened: vector of osquery::attribution::Opened;
global connects: vector of osquery::attribution::Connect;
global expected: table[string] of string;

function at(text: string): time
	{
	return double_to_time(to_double(text));
	}

function owner(pid: string): osquery::attribution::Owner
	{
	return [$hid="h", $hostname="h", $pid=to_int(pid)];
	}

function check()
	{
	if ( name == "" )
		return;

	local wrong = 0;
	local p = osquery::attribution::pair(opened, connects, told, seen);
	for ( i, o in opened )
		{
		if ( o?$holder )
			next;

		local pids: vector of int;
		pids = vector();
		for ( _, maker in p$makers[i]$owners )
			pids += maker$pid;
		sort(pids);
		local texts: vector of string;
		texts = vector();
		for ( _, pid in pids )
			texts += cat(pid);
		local found = fmt("%s|%s", |texts| == 0 ? "." : join_string_vec(texts, " "), p$makers[i]$others);
		if ( found != expected[o$uid] )
			{
			++wrong;
			print fmt("%s: %s: %s, not %s", name, o$uid, found, expected[o$uid]);
			}
		}

	if ( wrong == 0 )
		print fmt("%s: as expected", name);
	}

event line(description: Input::EventDescription, what: Input::Event, l: Line)
	{
	local t = split_string(l$text, /\|/);
	switch ( t[0] )
		{
		case "case":
			check();
			name = t[1];
			told = at(t[2]);
			seen = at(t[3]);
			opened = vector();
			connects = vector();
			expected = table();
			break;
		case "opened":
			local e = osquery::attribution::End($local_h=10.0.0.1, $local_p=1/tcp, $remote_h=10.0.0.2, $remote_p=2/tcp,
			                                    $is_orig=T, $start=at(t[2]), $end=at(t[2]));
			local o = osquery::attribution::Opened($uid=t[1], $end=e, $sure=t[3] == "T");
			if ( t[4] != "." )
				o$holder = owner(t[4]);
			opened += o;
			break;
		case "connect":
			connects += osquery::attribution::Connect($owner=owner(t[1]), $earliest=at(t[2]), $latest=at(t[3]),
			                                          $sure=t[4] == "T");
			break;
		case "expect":
			expected[t[1]] = fmt("%s|%s", t[2], t[3]);
			break;
		}
	}

event Input::end_of_data(source: string, path: string)
	{
	check();
	terminate();
	}

event zeek_init()
	{
	Input::add_event([$source=cases, $reader=Input::READER_RAW, $name="cases", $fields=Line, $ev=line, $want_record=T]);
	}
