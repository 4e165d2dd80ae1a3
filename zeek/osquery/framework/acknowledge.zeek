##! Acknowledges rows to the hosts that they came from. A queue inside Zeek that is full drops events without a word, rows
##! among them (ZeroMQ's, see ``Cluster::Backend::ZeroMQ::onloop_queue_hwm``). So the rows that scripts have handled are
##! counted, and a host whose count is another sends them again.

@load ./hosts
@load ./rows

module osquery;

export {
	## Declares that the handler of the query with this cookie calls :zeek:see:`osquery::row_handled` for each row, come
	## what may: its rows are acknowledged by their count. Call it in ``zeek_init``. Rows of other queries are
	## acknowledged once the host's question behind them has been handled.
	global count_rows: function(cookie: string);

	## Counts the row at hand.
	global row_handled: function(info: ResultInfo);
}

module osquery::hosts;

export {
	## Cookies of queries whose rows are counted, and how many of them have been. Read only.
	global counted: table[string] of count;

	## Counts a row of a host; :zeek:see:`osquery::row_handled` does it.
	global count_row: function(host_id: string, cookie: string, number: count);
}

# Rows of one host that have been handled since its last question, or since its run began.
type Tally: record {
	run: count &default=0;
	# By cookie: how many, and the highest number among them.
	rows: table[string] of count &default=table();
	newest: table[string] of count &default=table();
	# The last question that was answered by no, and why; and how often in a row.
	failure: string &default="";
	failures: count &default=0;
};

global tallies: table[string] of Tally;

# What is missing alike after so many repeats does not get lost on its way: a handler does not count, or the arguments of
# a row don't convert.
const patience = 10;

function count_row(host_id: string, cookie: string, number: count)
	{
	if ( host_id !in tallies )
		tallies[host_id] = Tally();

	local t = tallies[host_id];
	# Numbers rise: what does not is the same row in another handler, or was under way when the run began.
	if ( cookie in t$newest && number <= t$newest[cookie] )
		return;

	t$newest[cookie] = number;
	t$rows[cookie] = ( cookie in t$rows ? t$rows[cookie] : 0 ) + 1;
	++counted[cookie];
	}

# What of this host's rows is not there, in words; empty: nothing.
function missing_rows(host_id: string, run: count, sequence: count, rows: table[string] of count): string
	{
	# Nobody knows which of two hosts with one id a row is of.
	if ( host_id in duplicates )
		return "";

	local t = host_id in tallies ? tallies[host_id] : Tally();
	if ( run != t$run )
		return fmt("run %d began without a word", run);

	for ( cookie, sent in rows )
		{
		if ( cookie !in counted )
			next;

		local handled = cookie in t$rows ? t$rows[cookie] : 0;
		if ( handled != sent || ( cookie in t$newest && t$newest[cookie] > sequence ) )
			return fmt("%d of %d rows of %s were handled", handled, sent, cookie);
		}

	return "";
	}

event osquery::hosts::host_rows_begin_v1(host_id: string, instance_id: string, run: count)
	{
	if ( ! osquery::is_owner() )
		return;

	seen(host_id);
	local begun = Tally($run=run);
	if ( host_id in tallies )
		{
		begun$failure = tallies[host_id]$failure;
		begun$failures = tallies[host_id]$failures;
		}

	tallies[host_id] = begun;
	}

# Whether rows that are missing are to be sent again.
function ask_again(host_id: string, sequence: count, missing: string): bool
	{
	if ( host_id !in tallies )
		tallies[host_id] = Tally();

	local t = tallies[host_id];
	local failure = fmt("Rows up to number %d: %s", sequence, missing);
	t$failures = failure == t$failure ? t$failures + 1 : 1;
	t$failure = failure;
	if ( t$failures < patience )
		{
		osquery::log_osquery("warning", host_id, fmt("%s; asked for again", failure));
		return T;
		}

	local msg = fmt("%s, %d times alike: a handler that does not call osquery::row_handled, or arguments that don't convert (see reporter.log)", failure, t$failures);
	osquery::log_osquery("error", host_id, msg);
	NOTICE([$note=osquery::Rows_Lost, $msg=fmt("%s: %s", hostname(host_id), msg), $sub=host_id]);
	return F;
	}

event osquery::hosts::host_rows_sent_v3(host_id: string, instance_id: string, run: count, sequence: count,
                                        rows: table[string] of count)
	{
	if ( ! osquery::is_owner() )
		return;

	seen(host_id);
	local missing = missing_rows(host_id, run, sequence, rows);
	if ( missing != "" )
		{
		if ( ask_again(host_id, sequence, missing) )
			{
			osquery::publish(topic_host(host_id), osquery::make_event(host_resend_v1, instance_id, run));
			return;
			}

		for ( cookie, _ in rows )
			if ( cookie in counted && counted[cookie] == 0 )
				delete counted[cookie];
		}

	if ( host_id in tallies )
		{
		local t = tallies[host_id];
		t$rows = table();
		t$failure = "";
		t$failures = 0;
		}

	osquery::publish(topic_host(host_id), osquery::make_event(host_acknowledge_v2, instance_id, sequence));
	}

# Hosts with older extensions don't say how many rows they have sent.
event osquery::hosts::host_rows_sent(host_id: string, sequence: count)
	{
	if ( ! osquery::is_owner() )
		return;

	# Events are handled in the order in which they came: the rows before this one have been.
	seen(host_id);
	osquery::publish(topic_host(host_id), osquery::make_event(host_acknowledge, sequence));
	}

event osquery::hosts::host_rows_sent_v2(host_id: string, instance_id: string, sequence: count)
	{
	if ( ! osquery::is_owner() )
		return;

	seen(host_id);
	osquery::publish(topic_host(host_id), osquery::make_event(host_acknowledge_v2, instance_id, sequence));
	}

# A host that connects begins with run 0; the rows that follow are counted from here.
event osquery::hosts::host_new(peer_name: string, host_id: string, group_list: vector of string) &priority=5
	{
	delete tallies[host_id];
	}

event osquery::host_forgotten(host_id: string)
	{
	delete tallies[host_id];
	}

module osquery;

function count_rows(cookie: string)
	{
@ifdef ( EventMetadata::register )
	if ( cookie != "" && cookie !in osquery::hosts::counted )
		osquery::hosts::counted[cookie] = 0;
@endif
	}

function row_handled(info: ResultInfo)
	{
@ifdef ( EventMetadata::register )
	if ( ! info?$cookie || info$cookie !in osquery::hosts::counted )
		return;

	local numbers = EventMetadata::current(SEQUENCE);
	if ( |numbers| > 0 )
		osquery::hosts::count_row(info$host, info$cookie, numbers[0] as count);
@endif
	}
