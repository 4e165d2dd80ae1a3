##! Groups that hosts join because of what they are: a query says so, again and again.

@load ./groups
@load ./row-log

module osquery;

export {
	## Makes each host join a group while a query has rows on it, and leave when it has none:
	## ``osquery::group_by("docker", "SELECT 1 FROM processes WHERE name = 'dockerd'")``. The query runs every ``inter``
	## seconds on the hosts of ``target``.
	global group_by: function(group: string, query: string, inter: count &default=60, target: Target &default=Target());

	## Takes that back: the hosts leave.
	global ungroup: function(group: string);

	## The hosts that are in such a group, on the node that owns the hosts.
	global members: function(group: string): set[string];

	## A host has joined or left.
	global group_changed: event(host_id: string, group: string, joined: bool);

	## The rows: whether the query of the group has any.
	global member_row: event(info: osquery::ResultInfo, member: int);

	## A query that has one row with 1 in it where another has rows, and 0 where it has none.
	global yes_or_no: function(query: string): string;
}

event group_changed(host_id: string, group: string, joined: bool) &is_used
	{
	}

const group_by_cookie = "osquery-group-by:";

# The groups of each host that are so by query.
global groups_by_query: table[string] of set[string];

function yes_or_no(query: string): string
	{
	return fmt("SELECT CAST(EXISTS (%s) AS BIGINT) AS answer", gsub(query, /[[:space:];]+$/, ""));
	}

function group_by(group: string, query: string, inter: count, target: Target)
	{
	keep_query(Query($ev=member_row, $query=yes_or_no(query), $utype=ADD, $inter=inter, $cookie=group_by_cookie + group),
	           target);
	}

function members(group: string): set[string]
	{
	local ids: set[string];
	for ( host_id, groups in groups_by_query )
		if ( group in groups )
			add ids[host_id];

	return ids;
	}

function set_member(host_id: string, group: string, member: bool)
	{
	if ( host_id !in groups_by_query )
		groups_by_query[host_id] = set();

	if ( ( group in groups_by_query[host_id] ) == member )
		return;

	if ( member )
		add groups_by_query[host_id][group];
	else
		delete groups_by_query[host_id][group];

	osquery::hosts::regroup(host_id);
	event group_changed(host_id, group, member);
	}

function ungroup(group: string)
	{
	drop_query(group_by_cookie + group);
	for ( host_id in members(group) )
		set_member(host_id, group, F);
	}

event member_row(info: ResultInfo, member: int)
	{
	if ( info?$cookie && starts_with(info$cookie, group_by_cookie) )
		set_member(info$host, info$cookie[|group_by_cookie|:], member != 0);
	}

hook osquery::hosts::collect_groups(h: osquery::hosts::Host, groups: set[string])
	{
	if ( h$id in groups_by_query )
		for ( group in groups_by_query[h$id] )
			add groups[group];
	}

event osquery::host_forgotten(host_id: string)
	{
	delete groups_by_query[host_id];
	}
