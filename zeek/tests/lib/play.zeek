##! Plays what hosts say, out of a file, while Zeek reads a trace: a line an event, with the seconds since the trace's
##! beginning. ``.`` stands for an empty text; arguments are separated by ``|``.
##!
##! All detections are loaded, and every notice is printed: what should stay silent has to.

@load osquery/detections
@load osquery/logging

module Play;

redef InputAscii::set_separator = "|";
redef exit_only_after_terminate = F;
redef osquery::sync_interval = 1day;

export {
	const rows_file = "rows.tsv" &redef;

	## Inputs that have to be read before the trace begins.
	global wait_for: set[string] = { "play" } &redef;

	type Line: record {
		at: double;
		host: string;
		change: string;
		what: string;
		args: vector of string;
	};

	## What a test plays beside those below.
	global other: hook(info: osquery::ResultInfo, what: string, t: vector of string);

	## A number; a time of the trace, which is 0 or seconds since its beginning, as osquery has it.
	global n: function(text: string): int;
	global at: function(text: string): int;
}

global lines: vector of Line;

function n(text: string): int
	{
	return to_int(text);
	}

function at(text: string): int
	{
	return text == "0" ? +0 : 1772366400 + to_int(text);
	}

function addresses(texts: string): set[addr]
	{
	local found: set[addr];
	for ( _, text in split_string(texts, /,/) )
		if ( text != "" )
			add found[to_addr(text)];

	return found;
	}

function change(text: string): osquery::UpdateType
	{
	return text == "new" ? osquery::ADD : ( text == "gone" ? osquery::REMOVE : osquery::SNAPSHOT );
	}

event play(l: Line)
	{
	local t: vector of string;
	for ( _, text in l$args )
		t += text == "." ? "" : text;

	local info = osquery::ResultInfo($host=l$host, $utype=change(l$change), $cookie="");
	switch ( l$what )
		{
		case "host":
			# platform | addresses | groups
			local groups: vector of string;
			for ( _, group in split_string(t[2], /,/) )
				if ( group != "" )
					groups += group;
			event osquery::hosts::host_new("endpoint-" + l$host, l$host, groups);
			event osquery::hosts::host_details_v1(l$host, osquery::hosts::HostDetailsV1($endpoint_id="endpoint-" + l$host,
			    $instance_id="i", $hostname=l$host + ".example", $addresses=addresses(t[1]), $groups=groups,
			    $platform=t[0], $os_name="", $agent_version="1.0.0"));
			break;
		case "farewell":
			event osquery::hosts::host_farewell(l$host);
			break;
		case "program":
			# pid | parent | path | cmdline | started | user | md5 | sha1 | sha256
			info$cookie = "osquery-programs";
			event osquery::programs::process_row(info, n(t[0]), n(t[1]), t[2], t[3], at(t[4]), t[5], t[6], t[7], t[8]);
			break;
		case "listener":
			# pid | port | protocol | address | name | path | user
			info$cookie = "osquery-listeners";
			event osquery::listeners::row(info, n(t[0]), n(t[1]), n(t[2]), t[3], t[4], t[5], t[6]);
			break;
		case "file":
			# path | action | sha256 | at
			event osquery::logging::files::row(info, t[0], t[1], "", 0, "", 0, 0, t[2], at(t[3]));
			break;
		case "hop":
			# pid | name | cmdline | user | local | port | remote | port | own port of the session | from | port
			event osquery::hops::row(info, n(t[0]), t[1], t[2], t[3], t[4], n(t[5]), t[6], n(t[7]), n(t[8]), t[9], n(t[10]));
			break;
		case "socket":
			# pid | local | port | remote | port | name | path | user
			event osquery::attribution::socket_row(info, n(t[0]), 3, 6, t[1], n(t[2]), t[3], n(t[4]), t[5], t[6], t[7]);
			break;
		default:
			hook Play::other(info, l$what, t);
			break;
		}
	}

event line_read(description: Input::EventDescription, what: Input::Event, l: Line)
	{
	lines += l;
	}

event Input::end_of_data(name: string, source: string)
	{
	delete wait_for[name];
	if ( |wait_for| == 0 )
		continue_processing();
	}

event network_time_init()
	{
	for ( _, l in lines )
		schedule double_to_interval(l$at) { play(l) };
	}

event zeek_init()
	{
	suspend_processing();
	Input::add_event([$source=rows_file, $name="play", $fields=Line, $ev=line_read, $want_record=T]);
	}

hook Notice::policy(notice: Notice::Info) &priority=10
	{
	local techniques: vector of string;
	if ( notice?$techniques )
		for ( t in notice$techniques )
			techniques += t;

	print fmt("%s %s", strftime("%H:%M:%S", network_time()), notice$note);
	print fmt("  %s", notice$msg);
	print fmt("  host %s, process %s, user %s, since %s, %s", notice?$hid ? notice$hid : "-",
	          notice?$process ? notice$process : "-", notice?$user && notice$user != "" ? notice$user : "-",
	          notice?$since ? strftime("%H:%M:%S", notice$since) : "-", sort(techniques, strcmp));
	}
