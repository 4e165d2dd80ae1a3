##! What the notices of all detections have in common: which host, process and user, since when, which techniques of
##! MITRE ATT&CK, and the exceptions that an operator makes.

@load base/frameworks/notice
@load base/frameworks/input
@load base/utils/site
@load ../framework

module osquery::detections;

export {
	## A tab-separated file of exceptions with Zeek's header, read again whenever it changes; empty: none. Its columns
	## are ``note``, ``host``, ``process`` and ``user``: shell patterns, where ``*`` takes anything. A notice whose type
	## (``osquery::beacons::Beacon``), host name or id, program and user fit a line is not raised.
	const exceptions_file = "" &redef;

	## The columns of that file.
	type Exception: record {
		note: string;
		host: string;
		process: string;
		user: string;
	};

	## The exceptions in effect, in the order of those columns. Scripts may add to them.
	global exceptions: set[string, string, string, string];

	## Notices that were not raised because of an exception, by type.
	global excepted: table[Notice::Type] of count &default=0;

	## Raises a notice about a host, unless there is an exception; a script that breaks here is one, too.
	global raise: function(n: Notice::Info);
	global exception_policy: hook(n: Notice::Info);

	## Whether the address is one of our networks' or of a host.
	global is_inside: function(a: addr): bool;

	## The last part of a path.
	global base_name: function(path: string): string;
}

redef record Notice::Info += {
	## Id and name of the host that the notice is about.
	hid: string &log &optional;
	hostname: string &log &optional;
	## The process and its user.
	pid: int &log &optional;
	process: string &log &optional;
	user: string &log &optional;
	## When it began, as far as is known.
	since: time &log &optional;
	## Ids of techniques of MITRE ATT&CK.
	techniques: set[string] &log &optional;
};

function fits(shell_pattern: string, text: string): bool
	{
	if ( shell_pattern == "*" )
		return T;

	return string_to_pattern(gsub(gsub(convert_for_pattern(shell_pattern), /\\\*/, ".*"), /\\\?/, "."), F) == text;
	}

function is_excepted(n: Notice::Info): bool
	{
	local host = n?$hostname ? n$hostname : "";
	local hid = n?$hid ? n$hid : "";
	for ( [note, host_pattern, process, user] in exceptions )
		if ( fits(note, cat(n$note)) && ( fits(host_pattern, host) || fits(host_pattern, hid) ) &&
		     fits(process, n?$process ? n$process : "") && fits(user, n?$user ? n$user : "") )
			return T;

	return F;
	}

hook exception_policy(n: Notice::Info)
	{
	if ( is_excepted(n) )
		break;
	}

function raise(n: Notice::Info)
	{
	if ( n?$hid && ! n?$hostname )
		n$hostname = osquery::hosts::hostname(n$hid);

	if ( ! n?$identifier )
		n$identifier = cat(n?$hid ? n$hid : "", n?$process ? n$process : "", n?$user ? n$user : "", n?$sub ? n$sub : "");

	if ( hook exception_policy(n) )
		NOTICE(n);
	else
		++excepted[n$note];
	}

function is_inside(a: addr): bool
	{
	return Site::is_local_addr(a) || Site::is_private_addr(a) || |osquery::hosts::by_address(a)| > 0;
	}

function base_name(path: string): string
	{
	local parts = split_string(path, /[\/\\]/);
	return parts[|parts| - 1];
	}

event zeek_init()
	{
	if ( exceptions_file != "" )
		Input::add_table([$source=exceptions_file, $name="osquery-exceptions", $idx=Exception, $destination=exceptions,
		                  $mode=Input::REREAD]);
	}
