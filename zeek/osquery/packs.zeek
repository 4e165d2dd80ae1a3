##! What the scripts of ``bro-osquery generate`` stand on: queries that are meant for some hosts alone, by the conditions
##! of osquery's packs (platform, version, shard, discovery queries), and their logs.

@load ./framework

module osquery::packs;

export {
	## What a host must be to run a query.
	type Condition: record {
		## Any of ``darwin``, ``linux`` and ``windows``; empty: all.
		platforms: set[string] &default=set();
		## The oldest version of osquery; empty: all.
		version: string &default="";
		## Percentage of the hosts, chosen by the hash of their names as osquery does it; 0: all.
		shard: count &default=0;
		## Queries that must return rows, each of them.
		discovery: set[string] &default=set();
	};

	## Seconds between runs of a discovery query.
	option discovery_interval = 3600;

	## Subscribes to a query on the hosts that satisfy all conditions, under its cookie; what had that cookie before ends.
	global keep_query: function(q: osquery::Query, conditions: vector of Condition &default=vector());

	## Changes the interval of a query that :zeek:see:`osquery::packs::keep_query` subscribed to.
	global keep_interval: function(cookie: string, inter: count);

	## Creates the log of a query. ``names``: columns of the log that are called otherwise than the fields of the record.
	global create_log: function(id: Log::ID, columns: any, path: string, policy: Log::PolicyHook,
	                            names: table[string] of string &default=table());

	## Whether a host satisfies a condition, as far as is known of it.
	global satisfies: function(h: osquery::hosts::Host, condition: Condition): bool;

	## The queries of this framework that a host is to run now.
	global wanted_of: function(h: osquery::hosts::Host): vector of osquery::Query;

	## The rows of discovery queries (``found``: 0 or 1; the SQL is the cookie) and of osquery's version.
	global discovered: event(info: osquery::ResultInfo, found: int);
	global version_told: event(info: osquery::ResultInfo, version: string);
}

type ConditionalQuery: record {
	query: osquery::Query;
	conditions: vector of Condition;
};

# By cookie.
global kept: table[string] of ConditionalQuery;

# Conditions under which some query needs a discovery query's answer, or osquery's version.
global discovery_wanted: table[string] of vector of Condition;
global version_wanted = F;

# What hosts have answered.
global found_on: set[string, string];
global versions: table[string] of string;

# As osquery compares them: number by number, and what is missing is no less.
function at_least(version: string, least: string): bool
	{
	local have = split_string(version, /\./);
	local want = split_string(least, /\./);
	for ( at, part in have )
		{
		if ( at >= |want| )
			return T;

		local a = to_count(find_last(part, /^[0-9]+/));
		local b = to_count(find_last(want[at], /^[0-9]+/));
		if ( a != b )
			return a > b;
		}

	return T;
	}

# osquery's own: the first byte of the name's SHA-1 as a percentage.
function shard_of(hostname: string): count
	{
	return bytestring_to_count(hexstr_to_bytestring(sha1_hash(hostname)[0:2])) * 100 / 255;
	}

# All but the discovery queries.
function satisfies_apart_from_discovery(h: osquery::hosts::Host, condition: Condition): bool
	{
	if ( |condition$platforms| > 0 && osquery::hosts::platform_family(h) !in condition$platforms )
		return F;

	if ( condition$shard > 0 && ( h$hostname == "" || condition$shard < shard_of(h$hostname) ) )
		return F;

	return condition$version == "" || ( h$id in versions && at_least(versions[h$id], condition$version) );
	}

function satisfies(h: osquery::hosts::Host, condition: Condition): bool
	{
	if ( ! satisfies_apart_from_discovery(h, condition) )
		return F;

	for ( sql in condition$discovery )
		if ( [h$id, sql] !in found_on )
			return F;

	return T;
	}

function version_query(): osquery::Query
	{
	return osquery::Query($ev=version_told, $query="SELECT version FROM osquery_info", $utype=osquery::SNAPSHOT,
	                      $inter=86400, $cookie="osquery-packs-version");
	}

function discovery_query(sql: string): osquery::Query
	{
	# One row whatever it finds, so that the end of what was found is told as well.
	return osquery::Query($ev=discovered, $query=fmt("SELECT count(*) > 0 AS found FROM (%s\n)", sql),
	                      $utype=osquery::SNAPSHOT, $inter=discovery_interval, $cookie=sql);
	}

function discovers(h: osquery::hosts::Host, sql: string): bool
	{
	for ( _, condition in discovery_wanted[sql] )
		if ( satisfies_apart_from_discovery(h, condition) )
			return T;

	return F;
	}

function changed_everywhere()
	{
	for ( id, h in osquery::hosts::known )
		if ( h$alive )
			event osquery::hosts::host_changed(id);
	}

function keep_query(q: osquery::Query, conditions: vector of Condition)
	{
	# Each node runs the same scripts, and the owner talks to the hosts.
	if ( ! osquery::is_owner() )
		return;

	kept[q$cookie] = ConditionalQuery($query=q, $conditions=conditions);
	for ( _, condition in conditions )
		{
		if ( condition$version != "" )
			version_wanted = T;

		for ( sql in condition$discovery )
			{
			if ( sql !in discovery_wanted )
				discovery_wanted[sql] = vector();
			discovery_wanted[sql] += condition;
			}
		}

	changed_everywhere();
	}

function keep_interval(cookie: string, inter: count)
	{
	if ( cookie !in kept )
		return;

	local q = copy(kept[cookie]$query);
	q$inter = inter;
	kept[cookie]$query = q;
	changed_everywhere();
	}

event version_told(info: osquery::ResultInfo, version: string)
	{
	if ( info$host in versions && versions[info$host] == version )
		return;

	versions[info$host] = version;
	event osquery::hosts::host_changed(info$host);
	}

event discovered(info: osquery::ResultInfo, found: int)
	{
	if ( ! info?$cookie )
		return;

	local was = [info$host, info$cookie] in found_on;
	if ( was == ( found != 0 ) )
		return;

	if ( was )
		delete found_on[info$host, info$cookie];
	else
		add found_on[info$host, info$cookie];

	event osquery::hosts::host_changed(info$host);
	}

# A query's first run comes after its interval; what the others wait for is asked at once.
function ask_once(host_id: string)
	{
	local h = osquery::hosts::known[host_id];
	if ( version_wanted && host_id !in versions )
		osquery::execute(version_query(), host_id);

	for ( sql, _ in discovery_wanted )
		if ( discovers(h, sql) )
			osquery::execute(discovery_query(sql), host_id);
	}

# Platform and name are known by now; the version comes later, and with it another turn.
global asked: table[string] of string;

event osquery::hosts::host_changed(host_id: string)
	{
	if ( ! osquery::is_owner() || ! osquery::isHostAlive(host_id) )
		return;

	local h = osquery::hosts::known[host_id];
	local state = fmt("%d %s %s", h$session, h$platform, host_id in versions ? versions[host_id] : "");
	if ( h$platform == "" || ( host_id in asked && asked[host_id] == state ) )
		return;

	asked[host_id] = state;
	ask_once(host_id);
	}

event osquery::host_connected(host_id: string) &priority=-5
	{
	event osquery::hosts::host_changed(host_id);
	}

event osquery::host_forgotten(host_id: string)
	{
	delete versions[host_id];
	delete asked[host_id];
	for ( [id, sql] in copy(found_on) )
		if ( id == host_id )
			delete found_on[id, sql];
	}

function create_log(id: Log::ID, columns: any, path: string, policy: Log::PolicyHook, names: table[string] of string)
	{
	osquery::create_row_log(id, columns, path, policy);
	if ( |names| == 0 )
		return;

	local filter = Log::get_filter(id, "default");
	for ( field, name in filter$field_name_map )
		names[field] = name;

	filter$field_name_map = names;
	Log::remove_filter(id, "default");
	Log::add_filter(id, filter);
	}

# Everything that is wanted of a host now.
function wanted_of(h: osquery::hosts::Host): vector of osquery::Query
	{
	local wanted: vector of osquery::Query;
	if ( version_wanted )
		wanted += version_query();

	for ( sql, _ in discovery_wanted )
		if ( discovers(h, sql) )
			wanted += discovery_query(sql);

	for ( _, one in kept )
		{
		local meant = T;
		for ( _, condition in one$conditions )
			if ( ! satisfies(h, condition) )
				meant = F;

		if ( meant )
			wanted += one$query;
		}

	return wanted;
	}

module osquery::hosts;

hook collect_desired_queries(h: Host, queries: table[string] of DesiredQuery)
	{
	for ( _, q in osquery::packs::wanted_of(h) )
		{
		local desired = to_desired_query(q);
		expect_rows(desired);
		queries[canonical_line(desired)] = desired;
		}
	}
