##! Persistence: new cron entries, units of systemd, authorized keys, rules of sudo, kernel modules, start-up items and suid
##! programs (on macOS launchd's, on Windows tasks and services), with the process and the user that wrote it where the
##! host's events tell: ``use_file_events`` asks for those of audited files (``process_file_events``),
##! ``use_process_events`` for the starts of processes, whose command lines may name what was written.

@load ./finding

module osquery::persistence;

export {
	redef enum Notice::Type += {
		## Something that outlives a restart, or opens a way back, is new on a host.
		New_Persistence,
	};

	## Seconds between runs of the queries; looking for suid programs costs more.
	option query_interval = 60;
	option suid_query_interval = 1800;

	## Ask for who has written files, and for who was started.
	const use_file_events = F &redef;
	const use_process_events = F &redef;

	## Programs that write such things for a living: what they have written raises no notice.
	option package_managers: set[string] = {
		"dpkg", "apt", "apt-get", "unattended-upgr", "rpm", "dnf", "yum", "zypper", "pacman", "snapd",
	};

	## How long to wait for the events that tell who has written something.
	option settle = 30sec;

	option suppress = 1day;

	## The rows. What they are of is in the cookie.
	global row: event(info: osquery::ResultInfo, what: string, detail: string, path: string, owner: string);

	## Who has written a file, and who was started with which command line.
	global file_row: event(info: osquery::ResultInfo, pid: int, executable: string, path: string, username: string,
	                       at: int);
	global process_row: event(info: osquery::ResultInfo, pid: int, path: string, cmdline: string, username: string,
	                          at: int);
}

const cookie_prefix = "osquery-persistence-";

# What each kind is called, and its technique.
type Kind: record {
	text: string;
	technique: string;
};

const kinds = table(
	["cron"] = Kind($text="cron entry", $technique="T1053.003"),
	["systemd"] = Kind($text="unit of systemd", $technique="T1543.002"),
	["keys"] = Kind($text="authorized SSH key", $technique="T1098.004"),
	["sudoers"] = Kind($text="rule of sudo", $technique="T1548.003"),
	["modules"] = Kind($text="kernel module", $technique="T1547.006"),
	["startup"] = Kind($text="start-up item", $technique="T1547"),
	["suid"] = Kind($text="suid program", $technique="T1548.001"),
	["launchd"] = Kind($text="job of launchd", $technique="T1543.001"),
	["tasks"] = Kind($text="scheduled task", $technique="T1053.005"),
	["services"] = Kind($text="service", $technique="T1543.003"),
);

# Somebody who has written a file, or whose command line may name it.
type Writer: record {
	pid: int;
	process: string;
	user: string;
	cmdline: string &default="";
	path: string &default="";
	at: time;
};

global writers: table[string] of vector of Writer &write_expire=1hr;
const max_writers = 500;

function add_writer(hid: string, w: Writer)
	{
	if ( hid !in writers )
		writers[hid] = vector();

	writers[hid] += w;
	if ( |writers[hid]| > max_writers )
		writers[hid] = writers[hid][max_writers / 2:];
	}

event file_row(info: osquery::ResultInfo, pid: int, executable: string, path: string, username: string, at: int)
	{
	add_writer(info$host, Writer($pid=pid, $process=executable, $user=username, $path=path,
	                             $at=osquery::read_time(at)));
	}

event process_row(info: osquery::ResultInfo, pid: int, path: string, cmdline: string, username: string, at: int)
	{
	add_writer(info$host, Writer($pid=pid, $process=path, $user=username, $cmdline=cmdline,
	                             $at=osquery::read_time(at)));
	}

# How well somebody fits as the writer: 3 has written the file, 2 names it, 1 runs the program that such things are made
# with.
function fit(w: Writer, kind: string, what: string, path: string): count
	{
	if ( w$path != "" )
		return w$path == path ? 3 : 0;

	if ( w$cmdline == "" )
		return 0;

	local names_it = ( path != "" && ( path in w$cmdline || ( |osquery::detections::base_name(path)| > 3 && osquery::detections::base_name(path) in w$cmdline ) ) ) ||
	                 ( |what| > 3 && what in w$cmdline );
	if ( names_it )
		return 2;

	local tool = osquery::detections::base_name(w$process);
	return ( kind == "cron" && tool == "crontab" ) || ( kind == "sudoers" && tool == "visudo" ) ||
	       ( kind == "keys" && tool == "ssh-copy-id" ) ? 1 : 0;
	}

# Of those that fit best the last; none where nobody fits.
function writer_of(hid: string, kind: string, what: string, path: string, since: time): vector of Writer
	{
	local best = 0;
	local found: vector of Writer = vector();
	if ( hid in writers )
		for ( _, w in writers[hid] )
			{
			local score = w$at < since ? 0 : fit(w, kind, what, path);
			if ( score > 0 && score >= best )
				{
				best = score;
				found = vector(w);
				}
			}

	return found;
	}

event judge(hid: string, kind: string, what: string, detail: string, path: string, owner: string, at: time)
	{
	# Meanwhile the run may have turned out to be a first one.
	if ( at <= osquery::known_since(hid, cookie_prefix + kind) )
		return;

	local k = kinds[kind];
	local where_ = path == "" || path == what ? "" : fmt(" in %s", path);
	local n = Notice::Info($note=New_Persistence, $hid=hid, $since=at, $sub=k$text,
	    $msg=fmt("%s: new %s%s: %s%s%s", osquery::hosts::hostname(hid), k$text, where_, what,
	             detail == "" ? "" : fmt(" (%s)", detail), owner == "" ? "" : fmt(", of %s", owner)),
	    $identifier=cat(hid, kind, what, path, owner), $techniques=set(k$technique), $suppress_for=suppress);

	local waited = kind == "suid" ? suid_query_interval : query_interval;
	for ( _, w in writer_of(hid, kind, what, path, at - double_to_interval(2.0 * waited) - settle) )
		{
		if ( osquery::detections::base_name(w$process) in package_managers )
			return;

		n$pid = w$pid;
		n$process = w$process;
		n$user = w$user;
		n$msg += fmt("; %s by %s%s (process %d)", w$path != "" ? "written" : "probably", w$process,
		             w$user == "" ? "" : fmt(" of %s", w$user), w$pid);
		}

	osquery::detections::raise(n);
	}

event row(info: osquery::ResultInfo, what: string, detail: string, path: string, owner: string)
	{
	local kind = info?$cookie ? sub(info$cookie, /^osquery-persistence-/, "") : "";
	local is_marker = what == "" && path == "";
	if ( osquery::is_news(info, is_marker) && info$utype == osquery::ADD && kind in kinds )
		schedule settle { judge(info$host, kind, what, detail, path, owner, osquery::host_time()) };
	}

function interval_changed(id: string, value: count): count
	{
	for ( kind in kinds )
		if ( ( kind == "suid" ) == ( id == "osquery::persistence::suid_query_interval" ) )
			osquery::keep_interval(cookie_prefix + kind, value);
	return value;
	}

event zeek_init()
	{
	Option::set_change_handler("osquery::persistence::query_interval", interval_changed);
	Option::set_change_handler("osquery::persistence::suid_query_interval", interval_changed);

	local unix = osquery::Target($platforms=set("linux", "darwin"));
	local linux = osquery::Target($platforms=set("linux"));
	local windows = osquery::Target($platforms=set("windows"));
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osquery-persistence-cron",
	                     $query="SELECT CAST('' AS TEXT) AS what, CAST('' AS TEXT) AS detail, CAST('' AS TEXT) AS path, CAST('' AS TEXT) AS owner UNION ALL SELECT command AS what, CAST(trim(event || ' ' || minute || ' ' || hour || ' ' || day_of_month || ' ' || month || ' ' || day_of_week) AS TEXT) AS detail, path, CAST('' AS TEXT) AS owner FROM crontab"], unix);
	# The files and links of units that no package of a distribution writes: what is in /usr/lib/systemd is theirs.
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osquery-persistence-systemd",
	                     $query="SELECT CAST('' AS TEXT) AS what, CAST('' AS TEXT) AS detail, CAST('' AS TEXT) AS path, CAST('' AS TEXT) AS owner UNION ALL SELECT f.filename AS what, CAST(f.type || ', ' || f.size || ' bytes' AS TEXT) AS detail, f.path, u.username AS owner FROM file AS f LEFT JOIN users AS u ON u.uid = f.uid WHERE (f.path LIKE '/etc/systemd/system/%%' OR f.path LIKE '/usr/local/lib/systemd/system/%%' OR f.path LIKE '/etc/systemd/user/%%' OR f.path LIKE '/root/.config/systemd/user/%%' OR f.path LIKE '/home/%/.config/systemd/user/%%') AND f.type != 'directory'"], linux);
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osquery-persistence-keys",
	                     $query="SELECT CAST('' AS TEXT) AS what, CAST('' AS TEXT) AS detail, CAST('' AS TEXT) AS path, CAST('' AS TEXT) AS owner UNION ALL SELECT k.key AS what, CAST(trim(k.algorithm || ' ' || k.comment) AS TEXT) AS detail, k.key_file AS path, u.username AS owner FROM users AS u JOIN authorized_keys AS k ON k.uid = u.uid"], unix);
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osquery-persistence-sudoers",
	                     $query="SELECT CAST('' AS TEXT) AS what, CAST('' AS TEXT) AS detail, CAST('' AS TEXT) AS path, CAST('' AS TEXT) AS owner UNION ALL SELECT CAST(header || ' ' || rule_details AS TEXT) AS what, CAST('' AS TEXT) AS detail, source AS path, CAST('' AS TEXT) AS owner FROM sudoers"], unix);
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osquery-persistence-modules",
	                     $query="SELECT CAST('' AS TEXT) AS what, CAST('' AS TEXT) AS detail, CAST('' AS TEXT) AS path, CAST('' AS TEXT) AS owner UNION ALL SELECT name AS what, CAST(size || ' bytes' AS TEXT) AS detail, CAST('' AS TEXT) AS path, CAST('' AS TEXT) AS owner FROM kernel_modules"], linux);
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osquery-persistence-startup",
	                     $query="SELECT CAST('' AS TEXT) AS what, CAST('' AS TEXT) AS detail, CAST('' AS TEXT) AS path, CAST('' AS TEXT) AS owner UNION ALL SELECT name AS what, CAST(trim(type || ' ' || args) AS TEXT) AS detail, path, username AS owner FROM startup_items"]);
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=suid_query_interval, $cookie="osquery-persistence-suid",
	                     $query="SELECT CAST('' AS TEXT) AS what, CAST('' AS TEXT) AS detail, CAST('' AS TEXT) AS path, CAST('' AS TEXT) AS owner UNION ALL SELECT path AS what, permissions AS detail, path, username AS owner FROM suid_bin"], unix);
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osquery-persistence-launchd",
	                     $query="SELECT CAST('' AS TEXT) AS what, CAST('' AS TEXT) AS detail, CAST('' AS TEXT) AS path, CAST('' AS TEXT) AS owner UNION ALL SELECT label AS what, CAST(program || ' ' || program_arguments AS TEXT) AS detail, path, username AS owner FROM launchd"],
	                    osquery::Target($platforms=set("darwin")));
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osquery-persistence-tasks",
	                     $query="SELECT CAST('' AS TEXT) AS what, CAST('' AS TEXT) AS detail, CAST('' AS TEXT) AS path, CAST('' AS TEXT) AS owner UNION ALL SELECT name AS what, action AS detail, path, CAST('' AS TEXT) AS owner FROM scheduled_tasks"], windows);
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osquery-persistence-services",
	                     $query="SELECT CAST('' AS TEXT) AS what, CAST('' AS TEXT) AS detail, CAST('' AS TEXT) AS path, CAST('' AS TEXT) AS owner UNION ALL SELECT name AS what, start_type AS detail, path, user_account AS owner FROM services"], windows);

	if ( use_file_events )
		osquery::keep_query([$ev=file_row, $utype=osquery::ADD, $inter=10, $cookie="osquery-persistence-file-events",
		                     $query="SELECT e.pid, e.executable, CAST(CASE WHEN e.dest_path != '' THEN e.dest_path ELSE e.path END AS TEXT) AS path, u.username, e.time AS at FROM process_file_events AS e LEFT JOIN users AS u ON u.uid = CAST(e.uid AS BIGINT) WHERE e.operation != 'read'"], linux);
	if ( use_process_events )
		osquery::keep_query([$ev=process_row, $utype=osquery::ADD, $inter=10, $cookie="osquery-persistence-process-events",
		                     $query="SELECT e.pid, e.path, e.cmdline, u.username, e.time AS at FROM process_events AS e LEFT JOIN users AS u ON u.uid = e.uid WHERE e.cmdline LIKE '%cron%' OR e.cmdline LIKE '%systemd%' OR e.cmdline LIKE '%systemctl%' OR e.cmdline LIKE '%authorized_keys%' OR e.cmdline LIKE '%ssh-copy-id%' OR e.cmdline LIKE '%sudo%' OR e.cmdline LIKE '%insmod%' OR e.cmdline LIKE '%modprobe%' OR e.cmdline LIKE '%chmod%' OR e.cmdline LIKE '%launch%' OR e.cmdline LIKE '%init.d%' OR e.cmdline LIKE '%dpkg%' OR e.cmdline LIKE '%autostart%'"], unix);
	}
