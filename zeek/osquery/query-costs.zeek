##! What queries cost the hosts: ``osq-query-costs.log``, from osquery's own account of its schedule, and Zeek's telemetry
##! for the fleet. All scheduled queries of a host are in it, those of others too.

@load base/frameworks/telemetry
@load ./framework

module osquery::query_costs;

export {
	redef enum Log::ID += { LOG };

	type Info: record {
		row: osquery::RowColumns &log;
		## The query's name in osquery's schedule.
		name: string &log;
		## Its cookie, where it is one of this Zeek's.
		cookie: string &log &optional;
		query: string &log;
		every: interval &log;
		## Runs since osqueryd has started, and since the last line.
		executions: count &log;
		new_executions: count &log;
		## Of a run since the last line, on the average; 0 where there was none. ``cpu`` is user and system time.
		wall_time: interval &log;
		cpu_time: interval &log;
		## Bytes: of a run on the average, and of all results since osqueryd has started.
		memory: count &log;
		output_size: count &log;
		## osquery has stopped running it, because it cost too much.
		denylisted: bool &log;
	};

	global log_policy: Log::PolicyHook;

	## Seconds between runs of the query.
	option query_interval = 600;

	## A row of the query.
	global row: event(info: osquery::ResultInfo, name: string, query: string, every: int, executions: int,
	                  output_size: int, denylisted: int, wall_time_ms: int, cpu_ms: int, memory: int);
}

# What osquery said last, by host and query.
type Account: record {
	executions: int;
	wall_time_ms: int;
	cpu_ms: int;
	output_size: int;
	denylisted: bool;
};

global accounts: table[string, string] of Account &create_expire=1day;

@ifdef ( Telemetry::register_counter_family )
function counter(name: string, unit: string, help: string): Telemetry::CounterFamily
	{
	return Telemetry::register_counter_family([$prefix="osquery", $name=name, $unit=unit, $help_text=help,
	                                           $label_names=vector("query")]);
	}

global runs = counter("query_runs", "1", "Runs of a query on all hosts");
global wall_seconds = counter("query_wall_time", "seconds", "Time that runs of a query took on all hosts");
global cpu_seconds = counter("query_cpu_time", "seconds", "User and system time that runs of a query took on all hosts");
global output_bytes = counter("query_output", "bytes", "Size of the results of a query on all hosts");
global denylisted_hosts = Telemetry::register_gauge_family([$prefix="osquery", $name="query_denylisted", $unit="hosts",
                                                            $help_text="Hosts that have stopped running a query",
                                                            $label_names=vector("query")]);
@endif

# The cookie of a query that this Zeek has subscribed to, by its text.
function cookie_of(sql: string): string
	{
	for ( _, s in osquery::hosts::subscriptions )
		if ( s$query$query == sql )
			return s$query$cookie;

	return "";
	}

# Names in a host's schedule differ from host to host; its own packs' are alike everywhere.
function label_of(line: Info): vector of string
	{
	return vector(line?$cookie && line$cookie != "" ? line$cookie : line$name);
	}

function count_up(line: Info, now: Account, before: Account)
	{
@ifdef ( Telemetry::register_counter_family )
	local label = label_of(line);
	Telemetry::counter_family_inc(runs, label, now$executions - before$executions + 0.0);
	Telemetry::counter_family_inc(wall_seconds, label, ( now$wall_time_ms - before$wall_time_ms ) / 1000.0);
	Telemetry::counter_family_inc(cpu_seconds, label, ( now$cpu_ms - before$cpu_ms ) / 1000.0);
	Telemetry::counter_family_inc(output_bytes, label, now$output_size - before$output_size + 0.0);
	if ( now$denylisted != before$denylisted )
		Telemetry::gauge_family_inc(denylisted_hosts, label, now$denylisted ? 1.0 : -1.0);
@endif
	}

function milliseconds(amount: int, runs: int): interval
	{
	return runs <= 0 ? 0secs : double_to_interval(amount / 1000.0 / runs);
	}

event row(info: osquery::ResultInfo, name: string, query: string, every: int, executions: int, output_size: int,
          denylisted: int, wall_time_ms: int, cpu_ms: int, memory: int)
	{
	local now = Account($executions=executions, $wall_time_ms=wall_time_ms, $cpu_ms=cpu_ms, $output_size=output_size,
	                    $denylisted=denylisted != 0);
	local before = Account($executions=0, $wall_time_ms=0, $cpu_ms=0, $output_size=0, $denylisted=F);
	# Its numbers begin anew with osqueryd.
	if ( [info$host, name] in accounts && accounts[info$host, name]$executions <= executions )
		before = accounts[info$host, name];

	local new_runs = executions - before$executions;
	local line = Info($row=osquery::row_columns(info), $name=name, $query=query, $every=double_to_interval(every + 0.0),
	                  $executions=int_to_count(executions), $new_executions=int_to_count(new_runs),
	                  $wall_time=milliseconds(wall_time_ms - before$wall_time_ms, new_runs),
	                  $cpu_time=milliseconds(cpu_ms - before$cpu_ms, new_runs), $memory=int_to_count(memory),
	                  $output_size=int_to_count(output_size), $denylisted=now$denylisted);
	local cookie = cookie_of(query);
	if ( cookie != "" )
		line$cookie = cookie;

	Log::write(LOG, line);
	count_up(line, now, before);
	accounts[info$host, name] = now;
	}

function interval_changed(id: string, value: count): count
	{
	osquery::keep_interval("osq-query-costs", value);
	return value;
	}

event zeek_init() &priority=10
	{
	osquery::create_row_log(LOG, Info, "osq-query-costs", log_policy);
	Option::set_change_handler("osquery::query_costs::query_interval", interval_changed);
	}

event zeek_init()
	{
	osquery::keep_query([$ev=row, $utype=osquery::SNAPSHOT, $inter=query_interval, $cookie="osq-query-costs",
	                     $query="SELECT name, query, interval AS every, executions, output_size, denylisted, wall_time_ms, CAST(user_time + system_time AS BIGINT) AS cpu_ms, average_memory AS memory FROM osquery_schedule"]);
	}
