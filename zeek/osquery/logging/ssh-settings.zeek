##! ``osq-ssh-settings.log``: settings of the SSH server (which osquery reads by Augeas' lenses) and of users' SSH clients.

@load ../framework

module osquery::logging::ssh_settings;

export {
	redef enum Log::ID += { LOG };

	type Info: record {
		row: osquery::RowColumns &log;
		## server or client.
		kind: string &log;
		## Of a client.
		user: string &log &optional;
		## The ``Host`` or ``Match`` that it stands under.
		block: string &log &optional;
		setting: string &log;
		value: string &log &optional;
		## The file.
		path: string &log;
	};

	global log_policy: Log::PolicyHook;

	## Whether rows are logged.
	option enabled = T;

	## Seconds between runs of the queries.
	option query_interval = 300;

	## A row of the queries.
	global row: event(info: osquery::ResultInfo, user: string, block: string, setting: string, value: string,
	                  path: string);
}

event row(info: osquery::ResultInfo, user: string, block: string, setting: string, value: string, path: string)
	{
	osquery::row_handled(info);
	if ( ! enabled )
		return;

	local line = Info($row=osquery::row_columns(info),
	                  $kind=info?$cookie && info$cookie == "osq-ssh-settings-server" ? "server" : "client",
	                  $setting=setting, $path=path);
	if ( user != "" )
		line$user = user;
	if ( block != "" )
		line$block = block;
	if ( value != "" )
		line$value = value;
	Log::write(LOG, line);
	}

function interval_changed(id: string, value: count): count
	{
	for ( cookie in set("osq-ssh-settings-server", "osq-ssh-settings-client") )
		osquery::keep_interval(cookie, value);
	return value;
	}

event zeek_init() &priority=10
	{
	osquery::create_row_log(LOG, Info, "osq-ssh-settings", log_policy);
	Option::set_change_handler("osquery::logging::ssh_settings::query_interval", interval_changed);
	}

event zeek_init()
	{
	osquery::count_rows("osq-ssh-settings-server");
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-ssh-settings-server",
	                     $query="SELECT CAST('' AS TEXT) AS user, node AS block, label AS setting, value, path FROM augeas WHERE path IN ('/etc/ssh/sshd_config') AND label != '' AND value != ''"],
	                    osquery::Target($platforms=set("linux", "darwin")));
	osquery::count_rows("osq-ssh-settings-client");
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-ssh-settings-client",
	                     $query="SELECT u.username AS user, c.block, c.option AS setting, CAST('' AS TEXT) AS value, c.ssh_config_file AS path FROM users AS u JOIN ssh_configs AS c ON c.uid = u.uid"]);
	}
