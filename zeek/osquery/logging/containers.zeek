##! ``osq-containers.log``: containers of Docker.

@load ../framework

module osquery::logging::containers;

export {
	redef enum Log::ID += { LOG };

	type Info: record {
		row: osquery::RowColumns &log;
		## Its id.
		container: string &log;
		name: string &log;
		image: string &log;
		command: string &log &optional;
		state: string &log;
		## Of its first process.
		pid: int &log;
		privileged: bool &log;
		created: time &log &optional;
	};

	global log_policy: Log::PolicyHook;

	## Whether rows are logged.
	option enabled = T;

	## Seconds between runs of the query.
	option query_interval = 30;

	## A row of the query.
	global row: event(info: osquery::ResultInfo, id: string, name: string, image: string, command: string,
	                  state_: string, pid: int, privileged: int, created: int);
}

event row(info: osquery::ResultInfo, id: string, name: string, image: string, command: string, state_: string,
          pid: int, privileged: int, created: int)
	{
	osquery::row_handled(info);
	if ( ! enabled )
		return;

	local line = Info($row=osquery::row_columns(info), $container=id, $name=name, $image=image, $state=state_,
	                  $pid=pid, $privileged=privileged == 1);
	if ( command != "" )
		line$command = command;
	if ( created > 0 )
		line$created = osquery::read_time(created);
	Log::write(LOG, line);
	}

function interval_changed(id: string, value: count): count
	{
	osquery::keep_interval("osq-containers", value);
	return value;
	}

event zeek_init() &priority=10
	{
	osquery::create_row_log(LOG, Info, "osq-containers", log_policy);
	Option::set_change_handler("osquery::logging::containers::query_interval", interval_changed);
	}

event zeek_init()
	{
	osquery::count_rows("osq-containers");
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-containers",
	                     $query="SELECT id, name, image, command, state, pid, privileged, created FROM docker_containers"],
	                    osquery::Target($platforms=set("linux", "darwin")));
	}
