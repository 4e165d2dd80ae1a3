##! Zeek's intelligence framework sees what is on hosts: hashes of programs that run and of files that change, addresses
##! that sockets are connected to, names in hosts files, users, certificates and installed software.

@load base/frameworks/intel
@load ../framework
@load ../inventory/programs
@load ../logging/certificates
@load ../logging/files
@load ../logging/logins
@load ../logging/packages
@load ../logging/sockets
@load ../logging/users

module osquery::intel;

export {
	redef enum Intel::Where += {
		## A program that runs on a host.
		IN_PROGRAM,
		## A file of a host that has changed.
		IN_FILE,
		## A socket of a host.
		IN_SOCKET,
		## An account of a host, or somebody who has logged in.
		IN_USER,
		## A certificate of a host.
		IN_CERTIFICATE,
		## A package or program that is installed on a host.
		IN_PACKAGE,
		## The host's own table of names.
		IN_HOSTS_FILE,
	};

	## Seconds between runs of the query of names.
	option query_interval = 300;

	## Names of a hosts file.
	global hosts_file_row: event(info: osquery::ResultInfo, address: string, hostnames: string);
}

redef record Intel::Seen += {
	## Where on hosts it was seen.
	hid: string &log &optional;
	hostname: string &log &optional;
	pid: int &log &optional;
	process: string &log &optional;
	user: string &log &optional;
};

function seen(s: Intel::Seen, hid: string)
	{
	s$hid = hid;
	s$hostname = osquery::hosts::hostname(hid);
	Intel::seen(s);
	}

function seen_text(indicator: string, kind: Intel::Type, where: Intel::Where, hid: string)
	{
	if ( indicator != "" )
		seen([$indicator=indicator, $indicator_type=kind, $where=where], hid);
	}

event osquery::programs::started(p: osquery::programs::Program, news: bool)
	{
	for ( hash in set(p$md5, p$sha1, p$sha256) )
		if ( hash != "" )
			seen([$indicator=hash, $indicator_type=Intel::FILE_HASH, $where=IN_PROGRAM, $pid=p$pid, $process=p$path,
			      $user=p$user], p$hid);
	}

event osquery::logging::files::row(info: osquery::ResultInfo, path: string, action: string, category: string,
                                   size: int, mode: string, uid: int, mtime: int, sha256: string, at: int)
	{
	seen_text(sha256, Intel::FILE_HASH, IN_FILE, info$host);
	}

event osquery::logging::sockets::row(info: osquery::ResultInfo, pid: int, fd: int, family: int, protocol: int,
                                     local_address: string, local_port: int, remote_address: string, remote_port: int,
                                     state: string, name: string, username: string, parent: int, parent_name: string)
	{
	if ( info$utype == osquery::REMOVE || remote_port == 0 )
		return;

	for ( a in osquery::read_address(remote_address) )
		seen([$host=a, $where=IN_SOCKET, $pid=pid, $process=name, $user=username], info$host);
	}

event osquery::logging::logins::row(info: osquery::ResultInfo, user: string, tty: string, pid: int, kind: string,
                                    at: int, from: string)
	{
	seen_text(user, Intel::USER_NAME, IN_USER, info$host);
	for ( a in osquery::read_address(from) )
		seen([$host=a, $where=IN_USER, $pid=pid, $user=user], info$host);
	}

event osquery::logging::users::row(info: osquery::ResultInfo, uid: int, gid: int, username: string,
                                   description: string, directory: string, shell: string)
	{
	if ( info$utype != osquery::REMOVE )
		seen_text(username, Intel::USER_NAME, IN_USER, info$host);
	}

event osquery::logging::certificates::row(info: osquery::ResultInfo, common_name: string, subject: string,
                                          issuer: string, ca: int, self_signed: int, from: string, to: string,
                                          sha1: string, serial: string, path: string)
	{
	if ( info$utype != osquery::REMOVE )
		seen_text(sha1, Intel::CERT_HASH, IN_CERTIFICATE, info$host);
	}

event osquery::logging::packages::row(info: osquery::ResultInfo, name: string, version: string, vendor: string,
                                      path: string)
	{
	if ( info$utype != osquery::REMOVE )
		seen_text(name, Intel::SOFTWARE, IN_PACKAGE, info$host);
	}

event hosts_file_row(info: osquery::ResultInfo, address: string, hostnames: string)
	{
	if ( info$utype == osquery::REMOVE )
		return;

	for ( _, name in split_string(hostnames, /[[:space:]]+/) )
		if ( /\./ in name )
			seen_text(name, Intel::DOMAIN, IN_HOSTS_FILE, info$host);

	for ( a in osquery::read_address(address) )
		seen([$host=a, $where=IN_HOSTS_FILE], info$host);
	}

function interval_changed(id: string, value: count): count
	{
	osquery::keep_interval("osquery-intel-hosts-file", value);
	return value;
	}

event zeek_init()
	{
	Option::set_change_handler("osquery::intel::query_interval", interval_changed);
	osquery::keep_query([$ev=hosts_file_row, $utype=osquery::BOTH, $inter=query_interval,
	                     $cookie="osquery-intel-hosts-file", $query="SELECT address, hostnames FROM etc_hosts"]);
	}
