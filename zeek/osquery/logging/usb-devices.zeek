##! ``osq-usb-devices.log``: USB devices that come and go.

@load ../framework

module osquery::logging::usb_devices;

export {
	redef enum Log::ID += { LOG };

	type Info: record {
		row: osquery::RowColumns &log;
		vendor: string &log;
		vendor_id: string &log;
		model: string &log;
		model_id: string &log;
		serial: string &log &optional;
		removable: bool &log;
	};

	global log_policy: Log::PolicyHook;

	## Whether rows are logged.
	option enabled = T;

	## Seconds between runs of the query.
	option query_interval = 30;

	## A row of the query.
	global row: event(info: osquery::ResultInfo, vendor: string, vendor_id: string, model: string, model_id: string,
	                  serial: string, removable: int);
}

event row(info: osquery::ResultInfo, vendor: string, vendor_id: string, model: string, model_id: string,
          serial: string, removable: int)
	{
	osquery::row_handled(info);
	if ( ! enabled )
		return;

	local line = Info($row=osquery::row_columns(info), $vendor=vendor, $vendor_id=vendor_id, $model=model,
	                  $model_id=model_id, $removable=removable == 1);
	if ( serial != "" )
		line$serial = serial;
	Log::write(LOG, line);
	}

function interval_changed(id: string, value: count): count
	{
	osquery::keep_interval("osq-usb-devices", value);
	return value;
	}

event zeek_init() &priority=10
	{
	osquery::create_row_log(LOG, Info, "osq-usb-devices", log_policy);
	Option::set_change_handler("osquery::logging::usb_devices::query_interval", interval_changed);
	}

event zeek_init()
	{
	osquery::count_rows("osq-usb-devices");
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-usb-devices",
	                     $query="SELECT vendor, vendor_id, model, model_id, serial, removable FROM usb_devices"],
	                    osquery::Target($platforms=set("linux", "darwin")));
	}
