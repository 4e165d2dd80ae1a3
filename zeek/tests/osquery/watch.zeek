# @TEST-DOC: What a host had before is no news, what comes later is, and what comes again is not.
# @TEST-EXEC: zeek %INPUT >output
# @TEST-EXEC: btest-diff output

@load osquery/watch

redef exit_only_after_terminate = T;
redef osquery::watch::settling = 200msec;

function listens(utype: osquery::UpdateType, path: string, number: int)
	{
	event osquery::watch::listener([$host="h1", $utype=utype], "x", path, "0.0.0.0", number);
	}

hook Notice::policy(n: Notice::Info) &priority=10
	{
	print n$note, n$msg;
	}

event first()
	{
	listens(osquery::ADD, "/usr/sbin/old", 8080);
	}

event later()
	{
	listens(osquery::ADD, "/usr/sbin/old", 8080);
	listens(osquery::ADD, "/usr/sbin/sshd", 22);
	listens(osquery::ADD, "/usr/bin/new", 4444);
	listens(osquery::ADD, "/usr/bin/new", 4444);
	event osquery::watch::login([$host="h1", $utype=osquery::ADD], "alice", "192.0.2.7", "pts/0", 1700000000);
	event osquery::watch::file_event([$host="h1", $utype=osquery::ADD], "/etc/passwd", "UPDATED", "abc");
	}

event finish()
	{
	terminate();
	}

event zeek_init()
	{
	event osquery::host_connected("h1");
	schedule 10msec { first() };
	schedule 500msec { later() };
	schedule 600msec { finish() };
	}
