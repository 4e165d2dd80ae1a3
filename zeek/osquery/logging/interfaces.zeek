##! ``osq-interfaces.log``: addresses of network interfaces.

@load ../framework

module osquery::logging::interfaces;

export {
	redef enum Log::ID += { LOG };

	type Info: record {
		row: osquery::RowColumns &log;
		interface: string &log;
		address: string &log;
		mask: string &log;
		mac: string &log;
	};

	global log_policy: Log::PolicyHook;

	## Whether rows are logged.
	option enabled = T;

	## Seconds between runs of the query.
	option query_interval = 30;

	## A row of the query.
	global row: event(info: osquery::ResultInfo, interface: string, address: string, mask: string, mac: string);
}

event row(info: osquery::ResultInfo, interface: string, address: string, mask: string, mac: string)
	{
	osquery::row_handled(info);
	# Hosts with this project's extension tell their addresses themselves; others do so here.
	for ( a in osquery::read_address(address) )
		osquery::hosts::update_address(info$host, a, info$utype != osquery::REMOVE);

	if ( enabled )
		Log::write(LOG, Info($row=osquery::row_columns(info), $interface=interface, $address=address, $mask=mask, $mac=mac));
	}

function interval_changed(id: string, value: count): count
	{
	osquery::keep_interval("osq-interfaces", value);
	return value;
	}

event zeek_init() &priority=10
	{
	osquery::create_row_log(LOG, Info, "osq-interfaces", log_policy);
	Option::set_change_handler("osquery::logging::interfaces::query_interval", interval_changed);
	}

event zeek_init()
	{
	osquery::count_rows("osq-interfaces");
	osquery::keep_query([$ev=row, $query="SELECT a.interface, a.address, a.mask, d.mac FROM interface_addresses AS a JOIN interface_details AS d ON a.interface = d.interface",
	                     $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-interfaces"]);
	}
