# @TEST-DOC: Rows that are missing by their count are asked for again, in a run of their own; what is missing alike ten times is not.
# @TEST-EXEC: zeek %INPUT
# @TEST-EXEC: grep -v '^#' osquery.log | cut -f 2,3,4,5 | grep 'Rows up' >output
# @TEST-EXEC: grep -v '^#' notice.log | cut -f 11 >>output
# @TEST-EXEC: btest-diff output

@load osquery

module Test;

event rows(first: count, last: count)
	{
	local number = first;
	while ( number <= last )
		{
		osquery::hosts::count_row("host-1", "counted", number);
		++number;
		}
	}

event zeek_init() &priority=-30
	{
	osquery::count_rows("counted");
	event osquery::hosts::host_new("endpoint", "host-1", vector());
	# All there.
	event rows(1, 10);
	event osquery::hosts::host_rows_sent_v3("host-1", "instance", 0, 10, table(["counted"] = 10, ["other"] = 7));
	# Two of five are not, nor is what comes twice counted twice.
	event rows(11, 12);
	event rows(12, 12);
	event rows(15, 15);
	event osquery::hosts::host_rows_sent_v3("host-1", "instance", 0, 15, table(["counted"] = 5, ["other"] = 7));
	# What was under way behind the question does not count in the next run.
	event rows(16, 20);
	event osquery::hosts::host_rows_begin_v1("host-1", "instance", 1);
	event rows(11, 15);
	event osquery::hosts::host_rows_sent_v3("host-1", "instance", 1, 15, table(["counted"] = 5, ["other"] = 7));
	# A run whose beginning was dropped.
	event rows(16, 20);
	event osquery::hosts::host_rows_sent_v3("host-1", "instance", 2, 20, table(["counted"] = 5, ["other"] = 7));
	# The host has connected again.
	event osquery::hosts::host_new("endpoint", "host-1", vector());
	event rows(16, 20);
	event osquery::hosts::host_rows_sent_v3("host-1", "instance", 0, 20, table(["counted"] = 5, ["other"] = 7));
	local again = 0;
	while ( again < 12 )
		{
		++again;
		event osquery::hosts::host_rows_begin_v1("host-1", "instance", again);
		event rows(21, 22);
		event osquery::hosts::host_rows_sent_v3("host-1", "instance", again, 23, table(["counted"] = 3, ["other"] = 7));
		}
	}
