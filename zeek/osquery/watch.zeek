##! Notices about what hosts tell: a new listening port, a login from elsewhere, a changed file, a connection of a program
##! that lies where no program should. Useful as it is, and meant to be copied: it shows how rows, groups of rows and
##! connections are put to use.
##!
##! Changed files take ``--enable_file_events`` and ``file_paths`` in the hosts' osquery.

@load ./framework
@load ./attribution
@load ./detections/finding

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
	global listener: event(info: osquery::ResultInfo, pid: int, name: string, path: string, user: string,
	                       address: string, number: int);
	global login: event(info: osquery::ResultInfo, user: string, from: string, tty: string, at: int);
	global file_event: event(info: osquery::ResultInfo, path: string, action: string, sha256: string);
}

event listener(info: osquery::ResultInfo, pid: int, name: string, path: string, user: string, address: string,
               number: int)
	{
	# The row of nothing at the query's beginning marks those that were there before.
	if ( ! osquery::is_news(info, number == 0) || info$utype == osquery::REMOVE || int_to_count(number) in expected_ports )
		return;

	# A row can come twice, and a process listen on several addresses: the identifier makes one notice of them.
	osquery::detections::raise([$note=New_Listener, $hid=info$host, $pid=pid, $process=path, $user=user,
	    $identifier=cat(info$host, path, number), $since=osquery::host_time(),
	    $msg=fmt("%s: %s (%s) listens on %s, port %d", osquery::hosts::hostname(info$host), name, path, address, number)]);
	}

event login(info: osquery::ResultInfo, user: string, from: string, tty: string, at: int)
	{
	osquery::detections::raise([$note=Remote_Login, $sub=from, $hid=info$host, $user=user,
	    $identifier=cat(info$host, user, tty, at), $since=osquery::read_time(at),
	    $msg=fmt("%s: %s has logged in from %s", osquery::hosts::hostname(info$host), user, from)]);
	}

event file_event(info: osquery::ResultInfo, path: string, action: string, sha256: string)
	{
	osquery::detections::raise([$note=File_Changed, $sub=sha256, $hid=info$host,
	    $identifier=cat(info$host, path, action, sha256),
	    $msg=fmt("%s: %s, %s", osquery::hosts::hostname(info$host), path, to_lower(action))]);
	}

# On the workers as well, which know all sockets.
event connection_state_remove(c: connection)
	{
	local id = c$id;
	for ( owner in osquery::attribution::lookup(id$orig_h, id$orig_p, id$resp_h, id$resp_p) )
		if ( owner?$path && odd_places in owner$path )
			osquery::detections::raise([$note=Odd_Program, $conn=c, $hid=owner$hid, $hostname=owner$hostname,
			    $pid=owner$pid, $process=owner$path, $user=owner?$user ? owner$user : "",
			    $identifier=cat(owner$hid, owner$path),
			    $msg=fmt("%s: %s (process %d) has used the network", owner$hostname, owner$path, owner$pid)]);
	}

event zeek_init()
	{
	osquery::subscribe([$ev=listener, $utype=osquery::BOTH,
	                    $query="SELECT CAST(0 AS BIGINT) AS pid, CAST('' AS TEXT) AS name, CAST('' AS TEXT) AS path, CAST('' AS TEXT) AS user, CAST('' AS TEXT) AS address, CAST(0 AS BIGINT) AS number UNION ALL SELECT p.pid, p.name, p.path, u.username AS user, l.address, l.port AS number FROM listening_ports AS l JOIN processes AS p ON p.pid = l.pid LEFT JOIN users AS u ON u.uid = p.uid WHERE l.port > 0 AND l.address NOT IN ('127.0.0.1', '::1')"]);
	# Those of the last ten minutes: a host that comes up doesn't tell its whole past.
	osquery::subscribe([$ev=login,
	                    $query="SELECT username, host, tty, time FROM last WHERE type = 7 AND host != '' AND time > (SELECT unix_time - 600 FROM time)"]);
	osquery::subscribe([$ev=file_event, $query="SELECT target_path, action, sha256 FROM file_events"]);
	}
