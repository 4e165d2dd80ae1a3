##! ``osquery-console.log``: who asked what at a console, and what came of it.

@load ./messages

module osquery::console;

export {
	redef enum Log::ID += { LOG };

	type Info: record {
		ts: time &log;
		## ``open``, ``close``, ``list``, ``ask``, ``subscribe``, ``refuse`` or ``end``.
		action: string &log;
		## The console's id, whoever it says is before it, and where its connection came from (Zeek 8.0 and later).
		client: string &log;
		user: string &log;
		address: string &log &optional;
		request: string &log &optional;
		## What is listed, or whom a query is for.
		target: string &log &optional;
		query: string &log &optional;
		## Hosts asked, those that answered, those on which it failed, and rows.
		hosts: count &log &optional;
		answered: count &log &optional;
		failed: count &log &optional;
		rows: count &log &optional;
		duration: interval &log &optional;
		## Why it was refused, or ended.
		reason: string &log &optional;
	};

	global log_policy: Log::PolicyHook;
}

event zeek_init() &priority=10
	{
	Log::create_stream(LOG, [$columns=Info, $path="osquery-console", $policy=log_policy]);
	}
