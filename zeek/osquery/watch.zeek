##! Notices about what hosts tell: a new listening port, a login from elsewhere, a changed file, a connection of a program
##! that lies where no program should. Useful as it is, and meant to be copied: it shows how rows, groups of rows and
##! connections are put to use.
##!
##! Changed files take ``--enable_file_events`` and ``file_paths`` in the hosts' osquery.

@load base/frameworks/notice
@load ./framework
@load ./attribution

module osquery::watch;

export {
	redef enum Notice::Type += {
		## A process listens where none did before.
		New_Listener,
		## Somebody has logged in from another machine.
		Remote_Login,
		## A watched file was created, changed or deleted.
		File_Changed,
		## A program that lies in an odd place has used the network.
		Odd_Program,
	};

	## Ports on which anybody may listen.
	option expected_ports: set[count] = { 22, 80, 443 };

	## Where programs don't belong.
	option odd_places = /^\/(tmp|var\/tmp|dev\/shm)\/|\/Downloads\//;

	## The rows.
	global listener: event(info: osquery::ResultInfo, name: string, path: string, address: string, number: int);
	global login: event(info: osquery::ResultInfo, user: string, from: string, tty: string, at: int);
	global file_event: event(info: osquery::ResultInfo, path: string, action: string, sha256: string);
}

event listener(info: osquery::ResultInfo, name: string, path: string, address: string, number: int)
	{
	# The row of nothing at the query's end marks those that were there before.
	if ( ! osquery::is_news(info, number == 0) || info$utype == osquery::REMOVE || int_to_count(number) in expected_ports )
		return;

	# A row can come twice, and a process listen on several addresses: the identifier makes one notice of them.
	NOTICE([$note=New_Listener, $sub=path, $identifier=cat(info$host, path, number),
	        $msg=fmt("%s: %s (%s) listens on %s, port %d", osquery::hosts::hostname(info$host), name, path, address,
	                 number)]);
	}

event login(info: osquery::ResultInfo, user: string, from: string, tty: string, at: int)
	{
	NOTICE([$note=Remote_Login, $sub=from, $identifier=cat(info$host, user, tty, at),
	        $msg=fmt("%s: %s has logged in from %s", osquery::hosts::hostname(info$host), user, from)]);
	}

event file_event(info: osquery::ResultInfo, path: string, action: string, sha256: string)
	{
	NOTICE([$note=File_Changed, $sub=sha256, $identifier=cat(info$host, path, action, sha256),
	        $msg=fmt("%s: %s, %s", osquery::hosts::hostname(info$host), path, to_lower(action))]);
	}

# On the workers as well, which know all sockets.
event connection_state_remove(c: connection)
	{
	local id = c$id;
	for ( owner in osquery::attribution::lookup(id$orig_h, id$orig_p, id$resp_h, id$resp_p) )
		if ( owner?$path && odd_places in owner$path )
			NOTICE([$note=Odd_Program, $conn=c, $sub=owner$path, $identifier=cat(owner$hid, owner$path),
			        $msg=fmt("%s: %s (process %d) has used the network", owner$hostname, owner$path, owner$pid)]);
	}

event zeek_init()
	{
	osquery::subscribe([$ev=listener, $utype=osquery::BOTH,
	                    $query="SELECT p.name, p.path, l.address, l.port FROM listening_ports AS l JOIN processes AS p USING (pid) WHERE l.port > 0 AND l.address NOT IN ('127.0.0.1', '::1') UNION ALL SELECT '', '', '', 0"]);
	# Those of the last ten minutes: a host that comes up doesn't tell its whole past.
	osquery::subscribe([$ev=login,
	                    $query="SELECT username, host, tty, time FROM last WHERE type = 7 AND host != '' AND time > (SELECT unix_time - 600 FROM time)"]);
	osquery::subscribe([$ev=file_event, $query="SELECT target_path, action, sha256 FROM file_events"]);
	}
