# @TEST-DOC: What a host had before is no news, what comes later is, and what comes again is not.
# @TEST-EXEC: zeek -r $TRACES/clock.pcap %INPUT >output
# @TEST-EXEC: btest-diff output

@load osquery/watch

function listens(utype: osquery::UpdateType, path: string, number: int)
	{
	event osquery::watch::listener([$host="h1", $utype=utype], 7, "x", path, "root", "0.0.0.0", number);
	}

hook Notice::policy(n: Notice::Info) &priority=10
	{
	print n$note, n$msg;
	}

event later()
	{
	listens(osquery::REMOVE, "/usr/sbin/old", 8081);
	listens(osquery::ADD, "/usr/sbin/sshd", 22);
	listens(osquery::ADD, "/usr/bin/new", 4444);
	listens(osquery::ADD, "/usr/bin/new", 4444);
	event osquery::watch::login([$host="h1", $utype=osquery::ADD], "alice", "192.0.2.7", "pts/0", 1700000000);
	event osquery::watch::file_event([$host="h1", $utype=osquery::ADD], "/etc/passwd", "UPDATED", "abc");
	}

event anew()
	{
	listens(osquery::ADD, "", 0);
	listens(osquery::ADD, "/usr/sbin/old", 8080);
	listens(osquery::ADD, "/usr/bin/new", 4444);
	}

event network_time_init()
	{
	listens(osquery::ADD, "", 0);
	listens(osquery::ADD, "/usr/sbin/old", 8080);
	listens(osquery::ADD, "/usr/sbin/old", 8081);
	schedule 60secs { later() };
	schedule 120secs { anew() };
	}
