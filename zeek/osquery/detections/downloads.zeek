##! Executed after download: a file that Zeek has seen on the network, by HTTP, FTP, SMB or whatever Zeek reads files from,
##! runs on a host or appears on its disk. Both sides are compared by SHA-256.
##!
##! Programs that end before the next poll take ``osquery::programs::use_process_events``; files that appear and don't run
##! take ``--enable_file_events`` and ``file_paths`` in the hosts' osquery.

@load base/frameworks/files
@load base/files/hash
@load ./finding
@load ../inventory/programs
@load ../logging/files

module osquery::downloads;

export {
	redef enum Notice::Type += {
		## A file that was seen on the network runs on a host.
		Downloaded_Program_Ran,
		## A file that was seen on the network is on the disk of a host.
		Downloaded_File_Appeared,
	};

	## Which files are hashed and remembered: those of these MIME types, and those of none.
	option mime_types = /executable|dosexec|sharedlib|mach-o|x-(elf|msi|sh|shellscript|python|perl|ruby|php|lua|java|msdownload)|java-archive|application\/(zip|x-7z|x-rar|x-gzip|x-tar|octet-stream|vnd\.android|vnd\.microsoft)/;

	## How long a file is remembered, and how many are at most.
	option remember = 1day;
	option max_files = 200000;

	## Sources whose files are of no interest, such as own mirrors.
	option trusted_sources: set[subnet] = {};

	## Programs and files that are none: shells that run a script are found by the script's own path.
	option ignore_hashes: set[string] = {};

	## By how much clocks of hosts and Zeek may differ.
	option clock_slack = 30sec;

	option suppress = 1day;

	## A file as it was seen on the network.
	type Download: record {
		sha256: string;
		fuid: string;
		uids: set[string];
		at: time;
		## Protocol, and what that says of the file: a URL, a share's path.
		source: string;
		what: string;
		mime_type: string &default="";
		from: set[addr];
		to: set[addr];
	};

	## From the node that has seen it to that which owns the hosts.
	global file_seen: event(d: Download);
}

global downloads: table[string] of Download &create_expire=remember;

# Programs that hosts ran when nobody had downloaded them: whoever downloads one of these, has it already.
global own_programs: set[string] &read_expire=7day;

event file_sniff(f: fa_file, meta: fa_metadata)
	{
	if ( ! meta?$mime_type || mime_types in meta$mime_type )
		Files::add_analyzer(f, Files::ANALYZER_SHA256);
	}

function tell_owner(d: Download)
	{
	if ( osquery::is_owner() )
		event file_seen(d);
	else
		osquery::publish(Cluster::manager_topic, osquery::make_event(file_seen, d));
	}

event file_hash(f: fa_file, kind: string, hash: string)
	{
	if ( kind != "sha256" || ! f?$info || ( f$info?$mime_type && mime_types !in f$info$mime_type ) )
		return;

	local d = Download($sha256=hash, $fuid=f$id, $uids=set(), $at=network_time(), $source=f$source,
	                   $what=Files::describe(f), $from=set(), $to=set());
	if ( f$info?$mime_type )
		d$mime_type = f$info$mime_type;

	if ( f?$conns )
		for ( id, c in f$conns )
			{
			local upload = f?$is_orig && f$is_orig;
			add d$uids[c$uid];
			add d$from[upload ? id$orig_h : id$resp_h];
			add d$to[upload ? id$resp_h : id$orig_h];
			}

	tell_owner(d);
	}

event file_seen(d: Download) &is_used
	{
	for ( a in d$from )
		if ( a in trusted_sources )
			return;

	# Seen first is what counts: a file that goes round was there before.
	if ( d$sha256 !in downloads && d$sha256 !in own_programs && |downloads| < max_files && d$sha256 !in ignore_hashes )
		downloads[d$sha256] = d;
	}

function is_among(addresses: set[addr], hid: string): bool
	{
	if ( hid in osquery::hosts::known )
		for ( a in addresses )
			if ( a in osquery::hosts::known[hid]$addresses )
				return T;

	return F;
	}

function addresses_text(addresses: set[addr]): string
	{
	local texts: vector of string;
	for ( a in addresses )
		texts += cat(a);

	return join_string_vec(sort(texts, strcmp), ", ");
	}

# ``HTTP from 192.0.2.1 (http://…) at …``, and by whom where it was another.
function origin(d: Download, hid: string): string
	{
	return fmt("%s from %s%s%s", d$source, addresses_text(d$from), d$what == "" ? "" : fmt(" (%s)", d$what),
	           is_among(d$to, hid) ? "" : fmt(", downloaded by %s", addresses_text(d$to)));
	}

function finding(kind: Notice::Type, d: Download, hid: string, msg: string, since: time): Notice::Info
	{
	local n = Notice::Info($note=kind, $msg=msg, $sub=d$sha256, $hid=hid, $since=since, $fuid=d$fuid,
	                       $techniques=set("T1105", "T1204.002"), $suppress_for=suppress);
	for ( a in d$from )
		n$src = a;
	if ( |d$uids| > 0 )
		for ( uid in d$uids )
			n$uid = uid;

	return n;
	}

event osquery::programs::started(p: osquery::programs::Program, news: bool)
	{
	if ( p$sha256 !in downloads )
		{
		if ( p$sha256 != "" && |own_programs| < max_files )
			add own_programs[p$sha256];
		return;
		}

	# What began before the file was seen isn't from there.
	if ( p$started < downloads[p$sha256]$at - clock_slack )
		return;

	local d = downloads[p$sha256];
	local n = finding(Downloaded_Program_Ran, d, p$hid,
	                  fmt("%s: %s runs %s (process %d), which came by %s", osquery::hosts::hostname(p$hid),
	                      p$user == "" ? "somebody" : p$user, p$path,
	                      p$pid, origin(d, p$hid)), p$started);
	n$pid = p$pid;
	n$process = p$path;
	n$user = p$user;
	osquery::detections::raise(n);
	}

event osquery::logging::files::row(info: osquery::ResultInfo, path: string, action: string, category: string,
                                   size: int, mode: string, uid: int, mtime: int, sha256: string, at: int)
	{
	if ( sha256 !in downloads || action == "DELETED" )
		return;

	local d = downloads[sha256];
	if ( osquery::read_time(at) < d$at - clock_slack )
		return;

	local n = finding(Downloaded_File_Appeared, d, info$host,
	                  fmt("%s: %s is %s, which came by %s", osquery::hosts::hostname(info$host), path, sha256,
	                      origin(d, info$host)), osquery::read_time(at));
	n$identifier = cat(info$host, path, sha256);
	osquery::detections::raise(n);
	}
