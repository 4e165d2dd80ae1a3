# @TEST-DOC: Desired queries have the hash that the hosts compute for them, whatever their order.
# @TEST-EXEC: zeek %INPUT >output 2>&1
# @TEST-EXEC: btest-diff output

@load osquery

module Test;

event Test::row(info: osquery::ResultInfo, pid: int)
	{
	}

event zeek_init()
	{
	local processes = osquery::hosts::to_desired_query([$ev=row, $query="SELECT pid FROM processes", $utype=osquery::BOTH,
	                                                   $inter=10]);
	local users = osquery::hosts::to_desired_query([$ev=row, $query="SELECT uid FROM users", $cookie="\xff\xc3\xbc", $inter=0]);
	print processes;
	print osquery::hosts::query_digest(vector(processes));
	print users;
	print osquery::hosts::query_digest(vector(processes, users));
	print osquery::hosts::query_digest(vector(users, processes));
	}
