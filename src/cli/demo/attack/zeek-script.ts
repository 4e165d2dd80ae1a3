/** How the lab's Zeek is set. */
export interface AttackZeek {
  readonly address: string;
  readonly port: number;
  /** The file of Zeek's configuration framework. */
  readonly config: string;
  /** Addresses that need no osquery. */
  readonly exempt: readonly string[];
}

/** The name of that file. */
export const CONFIG = 'config.dat';

/** Ends learning what is usual, at run time. */
export const LEARNING_ENDS = 'osquery::first_seen::learning_time 0.0\n';

/**
 * What an operator would write into local.zeek, with times that fit into minutes instead of days, and a printout of
 * each notice as JSON.
 */
export function attackScript({ address, port, config, exempt }: AttackZeek): string {
  return `@load ./osquery/native
@load ./osquery/detections
@load ./osquery/frameworks
@load ./osquery/logging/processes
@load ./osquery/logging/listening-ports
@load ./osquery/watch
@load policy/tuning/json-logs

redef exit_only_after_terminate = T;
redef osquery::broker_ip = "${address}";
redef osquery::broker_port = ${port}/tcp;
redef Config::config_files += { ${JSON.stringify(config)} };
# The attacker's address is one of documentation, which counts as private for Zeek.
redef Site::private_address_space -= { 203.0.113.0/24 };
redef Site::local_nets += { 10.0.0.0/24 };

# Virtual cables carry many segments at once.
redef Pcap::snaplen = 262144;
redef Pcap::bufsize = 256;

redef osquery::attribution::query_interval = 2;
redef osquery::programs::query_interval = 5;
redef osquery::listeners::query_interval = 5;
redef osquery::hops::query_interval = 2;
redef osquery::hops::settle = 6sec;
redef osquery::persistence::query_interval = 5;
redef osquery::persistence::settle = 6sec;
redef osquery::hidden::apart = 10sec;
redef osquery::hidden::connection_age = 15sec;
redef osquery::beacons::min_connections = 8;
redef osquery::beacons::min_time = 30sec;
redef osquery::beacons::min_interval = 2sec;
redef osquery::beacons::upload_bytes = 4000000;
redef osquery::coverage::away = 5sec;
redef osquery::coverage::grace = 15sec;
redef osquery::coverage::managed_networks += { 10.0.0.0/24 };
redef osquery::coverage::unmanaged_ok += { ${exempt.map((one) => `${one}/32`).join(', ')} };

module Demo;

function say(line: string)
	{
	print line;
	flush_all();
	}

event osquery::hosts::host_changed(host_id: string)
	{
	if ( host_id in osquery::hosts::known && |osquery::hosts::known[host_id]$addresses| > 0 )
		say(fmt("{\\"type\\":\\"host\\",\\"host\\":%s}", to_json(host_id)));
	}

event Notice::log_notice(rec: Notice::Info)
	{
	say(fmt("{\\"type\\":\\"notice\\",\\"note\\":%s,\\"message\\":%s,\\"host\\":%s,\\"process\\":%s,\\"user\\":%s,\\"techniques\\":%s}",
	    to_json(cat(rec$note)), to_json(rec$msg), to_json(rec?$hid ? rec$hid : ""),
	    to_json(rec?$process ? rec$process : ""), to_json(rec?$user ? rec$user : ""),
	    rec?$techniques ? to_json(rec$techniques) : "[]"));
	}

event zeek_init()
	{
	say("{\\"type\\":\\"listening\\"}");
	}
`;
}
