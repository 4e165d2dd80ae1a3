##! ``osq-packages.log``: installed packages and programs.

@load ../framework

module osquery::logging::packages;

export {
	redef enum Log::ID += { LOG };

	type Info: record {
		row: osquery::RowColumns &log;
		## deb, rpm, windows, macos or homebrew.
		kind: string &log;
		name: string &log;
		version: string &log;
		vendor: string &log &optional;
		path: string &log &optional;
	};

	global log_policy: Log::PolicyHook;

	## Whether rows are logged.
	option enabled = T;

	## Seconds between runs of the queries.
	option query_interval = 3600;

	## A row of the queries.
	global row: event(info: osquery::ResultInfo, name: string, version: string, vendor: string, path: string);
}

event row(info: osquery::ResultInfo, name: string, version: string, vendor: string, path: string)
	{
	osquery::row_handled(info);
	if ( ! enabled )
		return;

	local line = Info($row=osquery::row_columns(info), $kind=info?$cookie ? sub(info$cookie, /^osq-packages-/,
	                  "") : "", $name=name, $version=version);
	if ( vendor != "" )
		line$vendor = vendor;
	if ( path != "" )
		line$path = path;
	Log::write(LOG, line);
	}

function interval_changed(id: string, value: count): count
	{
	for ( cookie in set("osq-packages-deb", "osq-packages-rpm", "osq-packages-windows", "osq-packages-macos", "osq-packages-homebrew") )
		osquery::keep_interval(cookie, value);
	return value;
	}

event zeek_init() &priority=10
	{
	osquery::create_row_log(LOG, Info, "osq-packages", log_policy);
	Option::set_change_handler("osquery::logging::packages::query_interval", interval_changed);
	}

event zeek_init()
	{
	osquery::count_rows("osq-packages-deb");
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-packages-deb",
	                     $query="SELECT name, version, maintainer AS vendor, CAST('' AS TEXT) AS path FROM deb_packages WHERE status LIKE 'install%installed'"],
	                    osquery::Target($platforms=set("linux")));
	osquery::count_rows("osq-packages-rpm");
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-packages-rpm",
	                     $query="SELECT name, CAST(version || '-' || release AS TEXT) AS version, vendor, CAST('' AS TEXT) AS path FROM rpm_packages"],
	                    osquery::Target($platforms=set("linux")));
	osquery::count_rows("osq-packages-windows");
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-packages-windows",
	                     $query="SELECT name, version, publisher AS vendor, install_location AS path FROM programs"],
	                    osquery::Target($platforms=set("windows")));
	osquery::count_rows("osq-packages-macos");
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-packages-macos",
	                     $query="SELECT name, bundle_short_version AS version, bundle_identifier AS vendor, path FROM apps"],
	                    osquery::Target($platforms=set("darwin")));
	osquery::count_rows("osq-packages-homebrew");
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-packages-homebrew",
	                     $query="SELECT name, version, CAST('' AS TEXT) AS vendor, path FROM homebrew_packages"],
	                    osquery::Target($platforms=set("darwin")));
	}
