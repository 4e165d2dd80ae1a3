##! Programs that run on hosts, with their hashes: of those that run long enough to be polled, and of every one where the
##! host audits the starts of processes.

@load ../framework

module osquery::programs;

export {
	## A program that runs or ran.
	type Program: record {
		hid: string;
		pid: int;
		parent: int;
		path: string;
		cmdline: string;
		user: string &default="";
		started: time;
		## In lower case; empty where the host could not read the file.
		md5: string &default="";
		sha1: string &default="";
		sha256: string &default="";
	};

	## Seconds between runs of the queries. osquery keeps the hash of a file that hasn't changed.
	option query_interval = 30;

	## Ask for the starts of processes that the host audits as well (``process_events``).
	const use_process_events = F &redef;

	## A program has started. ``news``: since the host's first answer.
	global started: event(p: Program, news: bool);

	## The rows.
	global process_row: event(info: osquery::ResultInfo, pid: int, parent: int, path: string, cmdline: string,
	                          at: int, username: string, md5: string, sha1: string, sha256: string);
	global event_row: event(info: osquery::ResultInfo, pid: int, parent: int, path: string, cmdline: string,
	                        at: int, username: string, md5: string, sha1: string, sha256: string);
}

event started(p: Program, news: bool) &is_used
	{
	}

function to_program(info: osquery::ResultInfo, pid: int, parent: int, path: string, cmdline: string, at: int,
                    username: string): Program
	{
	return Program($hid=info$host, $pid=pid, $parent=parent, $path=path, $cmdline=cmdline, $user=username,
	               $started=at > 0 ? osquery::read_time(at) : osquery::host_time());
	}

event process_row(info: osquery::ResultInfo, pid: int, parent: int, path: string, cmdline: string, at: int,
                  username: string, md5: string, sha1: string, sha256: string)
	{
	local news = osquery::is_news(info, pid == 0);
	if ( pid <= 0 || info$utype == osquery::REMOVE )
		return;

	local p = to_program(info, pid, parent, path, cmdline, at, username);
	p$md5 = md5;
	p$sha1 = sha1;
	p$sha256 = sha256;
	event osquery::programs::started(p, news);
	}

event event_row(info: osquery::ResultInfo, pid: int, parent: int, path: string, cmdline: string, at: int,
                username: string, md5: string, sha1: string, sha256: string)
	{
	local p = to_program(info, pid, parent, path, cmdline, at, username);
	p$md5 = md5;
	p$sha1 = sha1;
	p$sha256 = sha256;
	event osquery::programs::started(p, T);
	}

function interval_changed(id: string, value: count): count
	{
	osquery::keep_interval("osquery-programs", value);
	osquery::keep_interval("osquery-program-events", value);
	return value;
	}

event zeek_init()
	{
	Option::set_change_handler("osquery::programs::query_interval", interval_changed);
	osquery::keep_query([$ev=process_row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osquery-programs",
	                     $query="SELECT CAST(0 AS BIGINT) AS pid, CAST(0 AS BIGINT) AS parent, CAST('' AS TEXT) AS path, CAST('' AS TEXT) AS cmdline, CAST(0 AS BIGINT) AS at, CAST('' AS TEXT) AS username, CAST('' AS TEXT) AS md5, CAST('' AS TEXT) AS sha1, CAST('' AS TEXT) AS sha256 UNION ALL SELECT p.pid, p.parent, p.path, p.cmdline, p.start_time AS at, u.username, h.md5, h.sha1, h.sha256 FROM processes AS p LEFT JOIN users AS u ON u.uid = p.uid LEFT JOIN hash AS h ON h.path = p.path WHERE p.path != ''"]);

	if ( use_process_events )
		osquery::keep_query([$ev=event_row, $utype=osquery::ADD, $inter=query_interval, $cookie="osquery-program-events",
		                     $query="SELECT e.pid, e.parent, e.path, e.cmdline, e.time AS at, u.username, h.md5, h.sha1, h.sha256 FROM process_events AS e LEFT JOIN users AS u ON u.uid = e.uid LEFT JOIN hash AS h ON h.path = e.path"],
		                    osquery::Target($platforms=set("linux", "darwin")));
	}
