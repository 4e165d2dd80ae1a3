##! ``osq-ssh-keys.log``: SSH keys: those that let somebody in, and the private ones.

@load ../framework

module osquery::logging::ssh_keys;

export {
	redef enum Log::ID += { LOG };

	type Info: record {
		row: osquery::RowColumns &log;
		## Whose account.
		user: string &log;
		## authorized or private.
		kind: string &log;
		algorithm: string &log &optional;
		## Of an authorized key.
		key: string &log &optional;
		comment: string &log &optional;
		## The file.
		path: string &log;
		## Of a private key.
		encrypted: bool &log &optional;
	};

	global log_policy: Log::PolicyHook;

	## Whether rows are logged.
	option enabled = T;

	## Seconds between runs of the queries.
	option query_interval = 300;

	## A row of the queries.
	global row: event(info: osquery::ResultInfo, user: string, algorithm: string, key: string, comment: string,
	                  path: string, encrypted: int);
}

event row(info: osquery::ResultInfo, user: string, algorithm: string, key: string, comment: string, path: string,
          encrypted: int)
	{
	osquery::row_handled(info);
	if ( ! enabled )
		return;

	local line = Info($row=osquery::row_columns(info), $user=user,
	                  $kind=info?$cookie && info$cookie == "osq-ssh-keys-private" ? "private" : "authorized",
	                  $path=path);
	if ( algorithm != "" )
		line$algorithm = algorithm;
	if ( key != "" )
		line$key = key;
	if ( comment != "" )
		line$comment = comment;
	if ( info?$cookie && info$cookie == "osq-ssh-keys-private" )
		line$encrypted = encrypted == 1;
	Log::write(LOG, line);
	}

function interval_changed(id: string, value: count): count
	{
	for ( cookie in set("osq-ssh-keys-authorized", "osq-ssh-keys-private") )
		osquery::keep_interval(cookie, value);
	return value;
	}

event zeek_init() &priority=10
	{
	osquery::create_row_log(LOG, Info, "osq-ssh-keys", log_policy);
	Option::set_change_handler("osquery::logging::ssh_keys::query_interval", interval_changed);
	}

event zeek_init()
	{
	osquery::count_rows("osq-ssh-keys-authorized");
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-ssh-keys-authorized",
	                     $query="SELECT u.username AS user, k.algorithm, k.key, k.comment, k.key_file AS path, CAST(0 AS BIGINT) AS encrypted FROM users AS u JOIN authorized_keys AS k ON k.uid = u.uid"],
	                    osquery::Target($platforms=set("linux", "darwin")));
	osquery::count_rows("osq-ssh-keys-private");
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-ssh-keys-private",
	                     $query="SELECT u.username AS user, k.key_type AS algorithm, CAST('' AS TEXT) AS key, CAST('' AS TEXT) AS comment, k.path, k.encrypted FROM users AS u JOIN user_ssh_keys AS k ON k.uid = u.uid"]);
	}
