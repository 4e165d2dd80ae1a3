##! Policies: questions with yes or no for an answer, asked of hosts again and again. A host complies while the policy's
##! query has rows. A notice tells when a host begins to fail, ``osq-policies.log`` how each host stands.

@load base/frameworks/notice
@load base/frameworks/input
@load ./framework
@load ./detections/finding

module osquery;

export {
	## A policy.
	type Policy: record {
		## Its name, unique.
		name: string;
		## The host complies while this has rows.
		query: string;
		## Seconds between two evaluations.
		inter: count &default=3600;
		## Which hosts it is for.
		target: Target &default=Target();
		## What it is for, and what to do where it fails. The notice says both.
		description: string &default="";
		resolution: string &default="";
	};

	## Has hosts evaluate a policy, in place of what had its name before.
	global policy: function(p: Policy);

	## Takes it back.
	global remove_policy: function(name: string);
}

module osquery::policies;

export {
	redef enum Notice::Type += {
		## A host does not comply with a policy, and did before or was never asked.
		Policy_Failed,
	};

	redef enum Log::ID += { LOG };

	## A line of ``osq-policies.log``.
	type Info: record {
		ts: time &log;
		hid: string &log;
		hostname: string &log;
		policy: string &log;
		## pass or fail.
		standing: string &log;
		## Since when.
		since: time &log;
		## How it stood before; unset: it was asked first.
		before: string &log &optional;
	};

	global log_policy: Log::PolicyHook;

	## How often each host's standing is logged, changed or not; 0 secs: changes alone.
	option report_interval = 1day;

	## How long to wait until the same policy of the same host raises a notice again.
	option suppress = 1day;

	## Whether a host that fails a policy when it is asked first is worth a notice.
	option notice_first = T;

	## A tab-separated file of policies with Zeek's header, read again whenever it changes; empty: none. Columns: ``name``,
	## ``query``, ``inter``, ``platforms`` and ``groups`` (comma-separated, ``(empty)`` for all), ``description``,
	## ``resolution``.
	const policies_file = "" &redef;

	## The columns of that file.
	type FileName: record {
		name: string;
	};
	type FileLine: record {
		query: string;
		inter: count;
		platforms: set[string];
		groups: set[string];
		description: string;
		resolution: string;
	};

	## How a host stands: by policy and host, on the node that owns the hosts. Read only.
	type Standing: record {
		passes: bool;
		since: time;
	};
	global standings: table[string, string] of Standing;

	## All policies by name. Read only: set them by :zeek:see:`osquery::policy`.
	global all_policies: table[string] of osquery::Policy;

	## What :zeek:see:`osquery::policy` and :zeek:see:`osquery::remove_policy` do.
	global set_policy: function(p: osquery::Policy);
	global drop_policy: function(name: string);

	## A host's standing has changed, or is known for the first time.
	global standing_changed: event(host_id: string, name: string, passes: bool);

	## The rows.
	global answer_row: event(info: osquery::ResultInfo, answer: int);
}

event standing_changed(host_id: string, name: string, passes: bool) &is_used
	{
	}

const cookie_prefix = "osquery-policy:";

function forget_standings(name: string)
	{
	for ( [policy, host_id] in copy(standings) )
		if ( policy == name )
			delete standings[policy, host_id];
	}

function word(passes: bool): string
	{
	return passes ? "pass" : "fail";
	}

function write_standing(host_id: string, name: string, now: Standing, before: string)
	{
	local line = Info($ts=network_time(), $hid=host_id, $hostname=osquery::hosts::hostname(host_id), $policy=name,
	                  $standing=word(now$passes), $since=now$since);
	if ( before != "" )
		line$before = before;

	Log::write(LOG, line);
	}

function raise_failed(host_id: string, p: osquery::Policy, since: time)
	{
	local msg = fmt("%s fails the policy %s", osquery::hosts::hostname(host_id), p$name);
	if ( p$description != "" )
		msg = fmt("%s: %s", msg, p$description);

	osquery::detections::raise([$note=Policy_Failed, $msg=msg, $sub=p$resolution, $hid=host_id, $since=since,
	                            $identifier=cat(host_id, p$name), $suppress_for=suppress]);
	}

event answer_row(info: osquery::ResultInfo, answer: int)
	{
	if ( ! info?$cookie || ! starts_with(info$cookie, cookie_prefix) )
		return;

	local name = info$cookie[|cookie_prefix|:];
	if ( name !in all_policies )
		return;

	local passes = answer != 0;
	local before = "";
	if ( [name, info$host] in standings )
		{
		# A row may come twice, and all come anew when the extension has lost its state.
		if ( standings[name, info$host]$passes == passes )
			return;

		before = word(! passes);
		}

	standings[name, info$host] = Standing($passes=passes, $since=osquery::host_time());
	write_standing(info$host, name, standings[name, info$host], before);
	event standing_changed(info$host, name, passes);
	if ( ! passes && ( before != "" || notice_first ) )
		raise_failed(info$host, all_policies[name], standings[name, info$host]$since);
	}

event report()
	{
	for ( [name, host_id], now in standings )
		write_standing(host_id, name, now, "");

	if ( report_interval > 0secs )
		schedule report_interval { report() };
	}

event osquery::host_forgotten(host_id: string)
	{
	for ( [name, id] in copy(standings) )
		if ( id == host_id )
			delete standings[name, id];
	}

function set_policy(p: osquery::Policy)
	{
	# Scripts run on every node of a cluster; one asks.
	if ( ! osquery::is_owner() )
		return;

	if ( p$name in all_policies && all_policies[p$name]$query != p$query )
		forget_standings(p$name);

	all_policies[p$name] = p;
	osquery::keep_query(osquery::Query($ev=answer_row, $query=osquery::yes_or_no(p$query), $utype=osquery::ADD,
	                                   $inter=p$inter, $cookie=cookie_prefix + p$name), p$target);
	}

function drop_policy(name: string)
	{
	if ( name !in all_policies )
		return;

	osquery::drop_query(cookie_prefix + name);
	delete all_policies[name];
	forget_standings(name);
	}

event policy_line(description: Input::TableDescription, what: Input::Event, left: FileName, right: FileLine)
	{
	if ( what == Input::EVENT_REMOVED )
		drop_policy(left$name);
	else
		set_policy(osquery::Policy($name=left$name, $query=right$query, $inter=right$inter,
		    $target=osquery::Target($platforms=right$platforms, $groups=right$groups),
		    $description=right$description, $resolution=right$resolution));
	}

global file_lines: table[string] of FileLine;

event zeek_init() &priority=10
	{
	Log::create_stream(LOG, [$columns=Info, $path="osq-policies", $policy=log_policy]);
	}

event zeek_init()
	{
	if ( ! osquery::is_owner() )
		return;

	if ( report_interval > 0secs )
		schedule report_interval { report() };

	if ( policies_file != "" )
		Input::add_table([$source=policies_file, $name="osquery-policies", $idx=FileName, $val=FileLine, $want_record=T,
		                  $destination=file_lines, $ev=policy_line, $mode=Input::REREAD]);
	}

module osquery;

function policy(p: Policy)
	{
	osquery::policies::set_policy(p);
	}

function remove_policy(name: string)
	{
	osquery::policies::drop_policy(name);
	}
