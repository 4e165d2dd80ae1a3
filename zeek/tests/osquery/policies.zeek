# @TEST-DOC: A policy raises a notice where a host begins to fail, once, and logs how each stands; policies of a file come and go with it.
# @TEST-EXEC: zeek -r $TRACES/clock.pcap %INPUT >output
# @TEST-EXEC: zeek-cut -u hid policy standing before <osq-policies.log >>output
# @TEST-EXEC: btest-diff output

@load osquery/policies

redef osquery::policies::report_interval = 0secs;
redef osquery::policies::policies_file = "policies.tsv";

module Test;

function answers(name: string, answer: int)
	{
	event osquery::policies::answer_row([$host="h1", $utype=osquery::ADD, $cookie="osquery-policy:" + name], answer);
	}

event show(what: string)
	{
	local texts: vector of string;
	for ( _, s in osquery::hosts::subscriptions )
		texts += fmt("%s every %d s, platforms %s: %s", s$query$cookie, s$query$inter, s$target$platforms, s$query$query);

	print what, sort(texts, strcmp);
	}

hook Notice::policy(n: Notice::Info) &priority=10
	{
	print n$note, n$msg, n$sub;
	}

event Input::end_of_data(name: string, source: string)
	{
	continue_processing();
	}

event answered(step: count)
	{
	switch ( step )
		{
		case 0: answers("encrypted", 1); answers("firewall", 0); break;
		# The same once more, as a row may come.
		case 1: answers("firewall", 0); answers("unknown", 0); break;
		case 2: answers("encrypted", 0); break;
		case 3: answers("encrypted", 1); break;
		case 4: osquery::remove_policy("encrypted"); event show("removed"); return;
		}

	schedule 10secs { answered(step + 1) };
	}

event network_time_init()
	{
	event show("policies");
	schedule 10secs { answered(0) };
	}

event zeek_init()
	{
	suspend_processing();
	osquery::policy([$name="encrypted", $query="SELECT 1 FROM disk_encryption WHERE encrypted = 1;", $inter=600,
	                 $description="Disks are encrypted", $resolution="Ask for another machine"]);
	}

@TEST-START-FILE policies.tsv
#separator \x09
#fields	name	query	inter	platforms	groups	description	resolution
firewall	SELECT 1 FROM alf WHERE global_state > 0	3600	darwin	(empty)	The firewall is on	Switch it on
@TEST-END-FILE
