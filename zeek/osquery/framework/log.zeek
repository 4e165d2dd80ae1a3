##! ``osquery.log``: hosts, their comings and goings, and what goes wrong.

@load base/frameworks/logging
@load base/frameworks/notice
@load ./options

module osquery;

export {
	redef enum Log::ID += { LOG };

	redef enum Notice::Type += {
		## A host hasn't spoken for :zeek:see:`osquery::host_timeout`.
		Host_Silent,
		## Rows of a host are lost for good.
		Rows_Lost,
		## A host reports an error, for instance a query that fails.
		Host_Error,
		## Two hosts that live have one id, so that their rows can't be told apart.
		Host_Duplicate,
	};

	## A line of ``osquery.log``.
	type Info: record {
		ts: time &log;
		## ``local`` for this Zeek's own, ``bro`` for other Zeeks, ``osquery`` for hosts.
		source: string &log;
		## Id of the host, or a topic, or the name of a Zeek.
		peer: string &log &optional;
		## ``debug``, ``info``, ``warning`` or ``error``.
		level: string &log &optional;
		message: string &log;
	};

	global log_policy: Log::PolicyHook;

	## Writes a line about this Zeek.
	global log_local: function(level: string, msg: string, log: Log::ID &default=LOG);

	## Writes a line about another Zeek.
	global log_bro: function(level: string, peer: string, msg: string, log: Log::ID &default=LOG);

	## Writes a line about a host or a group of hosts.
	global log_osquery: function(level: string, peer: string, msg: string, log: Log::ID &default=LOG);
}

# Zeek's time stands at 0 until its clock runs, and what is asked in zeek_init is asked before.
function now(): time
	{
	local t = network_time();
	return t > double_to_time(0.0) ? t : current_time();
	}

function log_local(level: string, msg: string, log: Log::ID)
	{
	Log::write(log, Info($ts=now(), $source="local", $peer=endpoint_name, $level=level, $message=msg));
	}

function log_bro(level: string, peer: string, msg: string, log: Log::ID)
	{
	Log::write(log, Info($ts=now(), $source="bro", $peer=peer, $level=level, $message=msg));
	}

function log_osquery(level: string, peer: string, msg: string, log: Log::ID)
	{
	Log::write(log, Info($ts=now(), $source="osquery", $peer=peer, $level=level, $message=msg));
	}

event zeek_init() &priority=10
	{
	Log::create_stream(LOG, [$columns=Info, $path="osquery", $policy=log_policy]);
	}
