##! ``osq-certificates.log``: certificates that the host trusts or holds.

@load ../framework

module osquery::logging::certificates;

export {
	redef enum Log::ID += { LOG };

	type Info: record {
		row: osquery::RowColumns &log;
		common_name: string &log;
		subject: string &log;
		issuer: string &log;
		ca: bool &log;
		self_signed: bool &log;
		not_valid_before: time &log &optional;
		not_valid_after: time &log &optional;
		## As files.log and x509.log have it.
		sha1: string &log;
		serial: string &log &optional;
		path: string &log &optional;
	};

	global log_policy: Log::PolicyHook;

	## Whether rows are logged.
	option enabled = T;

	## Seconds between runs of the query.
	option query_interval = 3600;

	## A row of the query.
	global row: event(info: osquery::ResultInfo, common_name: string, subject: string, issuer: string, ca: int,
	                  self_signed: int, from: string, to: string, sha1: string, serial: string, path: string);
}

event row(info: osquery::ResultInfo, common_name: string, subject: string, issuer: string, ca: int,
          self_signed: int, from: string, to: string, sha1: string, serial: string, path: string)
	{
	osquery::row_handled(info);
	if ( ! enabled )
		return;

	local line = Info($row=osquery::row_columns(info), $common_name=common_name, $subject=subject, $issuer=issuer,
	                  $ca=ca == 1, $self_signed=self_signed == 1, $sha1=sha1);
	if ( /^[0-9]+$/ in from )
		line$not_valid_before = osquery::read_time(to_int(from));
	if ( /^[0-9]+$/ in to )
		line$not_valid_after = osquery::read_time(to_int(to));
	if ( serial != "" )
		line$serial = serial;
	if ( path != "" )
		line$path = path;
	Log::write(LOG, line);
	}

function interval_changed(id: string, value: count): count
	{
	osquery::keep_interval("osq-certificates", value);
	return value;
	}

event zeek_init() &priority=10
	{
	osquery::create_row_log(LOG, Info, "osq-certificates", log_policy);
	Option::set_change_handler("osquery::logging::certificates::query_interval", interval_changed);
	}

event zeek_init()
	{
	osquery::count_rows("osq-certificates");
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osq-certificates",
	                     $query="SELECT common_name, subject, issuer, ca, self_signed, not_valid_before AS `from`, not_valid_after AS `to`, sha1, serial, path FROM certificates"]);
	}
