# @TEST-DOC: Two hosts that live with one id are told by a notice with both; the leaving of one leaves the other there.
# @TEST-EXEC: zeek -b base/init-default.zeek %INPUT >output
# @TEST-EXEC: btest-diff output

@load osquery

hook Notice::policy(n: Notice::Info)
	{
	if ( n$note == osquery::Host_Duplicate )
		print n$msg;
	}

event instance(id: string, name: string, a: addr)
	{
	event osquery::hosts::host_instance("clone", id, name, set(a));
	}

event farewell()
	{
	event osquery::hosts::host_farewell("clone");
	}

event zeek_init() &priority=-20
	{
	event osquery::hosts::host_new("p1", "clone", vector());
	event instance("a", "web-1", 10.0.0.1);
	event instance("b", "web-2", 10.0.0.2);
	event instance("a", "web-1", 10.0.0.1);
	event farewell();
	}

event zeek_done()
	{
	print osquery::isHostAlive("clone");
	}
