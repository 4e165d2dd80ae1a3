##! Notices of whatever script that are about a host, or a connection of one, get its id and name, and the process and
##! user behind the connection where they are known. Hosts are searched first among the notice's sources.

@load base/frameworks/notice
@load ../attribution
@load ../detections/finding

module osquery::notices;

function fill_host(n: Notice::Info, a: addr): bool
	{
	# Of several hosts behind one address nobody can tell which it is.
	if ( |osquery::hosts::by_address(a)| != 1 )
		return F;

	for ( hid in osquery::hosts::by_address(a) )
		{
		n$hid = hid;
		n$hostname = osquery::hosts::hostname(hid);
		}

	return T;
	}

function fill_process(n: Notice::Info, local_h: addr, local_p: port, remote_h: addr, remote_p: port)
	{
	local owners = osquery::attribution::lookup(local_h, local_p, remote_h, remote_p);
	if ( |owners| != 1 )
		return;

	for ( owner in owners )
		{
		n$pid = owner$pid;
		if ( owner?$path )
			n$process = owner$path;
		else if ( owner?$process )
			n$process = owner$process;
		if ( owner?$user )
			n$user = owner$user;
		}
	}

hook Notice::policy(n: Notice::Info) &priority=20
	{
	if ( n?$hid )
		return;

	if ( n?$src && fill_host(n, n$src) )
		{
		if ( n?$id && n$id$orig_h == n$src )
			fill_process(n, n$id$orig_h, n$id$orig_p, n$id$resp_h, n$id$resp_p);
		else if ( n?$id && n$id$resp_h == n$src )
			fill_process(n, n$id$resp_h, n$id$resp_p, n$id$orig_h, n$id$orig_p);
		}
	else if ( n?$dst && fill_host(n, n$dst) && n?$id && n$id$resp_h == n$dst )
		fill_process(n, n$id$resp_h, n$id$resp_p, n$id$orig_h, n$id$orig_p);
	}
