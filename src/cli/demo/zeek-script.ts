/** What the demo has a real Zeek do. */
export interface ZeekDemo {
  readonly port: number;
  /** SQL of rows that come and go, and of a one-time query; their columns are those of the demo. */
  readonly subscription: string;
  readonly oneTime: string;
  /** The Zeek unsubscribes once there is such a file. */
  readonly leave: string;
}

/**
 * A script for Zeek beside the package's, which listens, subscribes as a script of a user does, and prints what
 * `bro-osquery bro --json` would: messages and rows, one JSON object a line.
 */
export function zeekScript({ port, subscription, oneTime, leave }: ZeekDemo): string {
  return `@load ./osquery/native

redef exit_only_after_terminate = T;
redef osquery::broker_ip = "127.0.0.1";
redef osquery::broker_port = ${port}/tcp;

module Demo;

export {
	global row_1: event(info: osquery::ResultInfo, pid: int, name: string, path: string, uid: int);
	global row_2: event(info: osquery::ResultInfo, name: string, version: string, platform: string);
	global look: event();
}

function say(line: string)
	{
	print line;
	flush_all();
	}

function update(info: osquery::ResultInfo): string
	{
	if ( info$utype == osquery::ADD )
		return "ADDED";

	return info$utype == osquery::REMOVE ? "REMOVED" : "SNAPSHOT";
	}

function column(name: string, json_value: string): string
	{
	return fmt("{\\"name\\":%s,\\"value\\":%s}", to_json(name), json_value);
	}

function say_row(ev: string, info: osquery::ResultInfo, columns: string)
	{
	say(fmt("{\\"event\\":%s,\\"update\\":%s,\\"columns\\":[%s]}", to_json(ev), to_json(update(info)), columns));
	}

event Demo::row_1(info: osquery::ResultInfo, pid: int, name: string, path: string, uid: int)
	{
	say_row("Demo::row_1", info, fmt("%s,%s,%s,%s", column("pid", to_json(pid)), column("name", to_json(name)),
	    column("path", to_json(path)), column("uid", to_json(uid))));
	}

event Demo::row_2(info: osquery::ResultInfo, name: string, version: string, platform: string)
	{
	say_row("Demo::row_2", info, fmt("%s,%s,%s", column("name", to_json(name)), column("version", to_json(version)),
	    column("platform", to_json(platform))));
	}

function watching(): osquery::Query
	{
	return [$ev=Demo::row_1, $query=${JSON.stringify(subscription)}, $utype=osquery::BOTH, $inter=1];
	}

function say_host(host_id: string)
	{
	local groups: vector of string;
	for ( group in osquery::hosts::known[host_id]$groups )
		groups += group;

	say(fmt("{\\"type\\":\\"announced\\",\\"host\\":{\\"id\\":%s,\\"groups\\":%s}}", to_json(host_id), to_json(groups)));
	}

event osquery::host_connected(host_id: string)
	{
	say("{\\"type\\":\\"connected\\",\\"remote\\":{\\"transport\\":\\"\\"}}");
	say("{\\"type\\":\\"requested\\"}");
	say_host(host_id);
	# Once is once: a host that connects later is not asked.
	osquery::execute([$ev=Demo::row_2, $query=${JSON.stringify(oneTime)}], host_id);
	}

event osquery::hosts::host_changed(host_id: string)
	{
	if ( host_id in osquery::hosts::known )
		say_host(host_id);
	}

event Demo::look()
	{
	if ( file_size(${JSON.stringify(leave)}) < 0.0 )
		{
		schedule 200msec { Demo::look() };
		return;
		}

	osquery::unsubscribe(watching());
	say("{\\"type\\":\\"unsubscribed\\"}");
	}

event zeek_init()
	{
	osquery::subscribe(watching());
	say("{\\"type\\":\\"listening\\",\\"port\\":${port}}");
	schedule 200msec { Demo::look() };
	}
`;
}
