# @TEST-DOC: A wish has the hash that the hosts compute for it, whatever its order.
# @TEST-EXEC: zeek %INPUT >output 2>&1
# @TEST-EXEC: btest-diff output

@load osquery

module Test;

event Test::row(info: osquery::ResultInfo, pid: int)
	{
	}

event zeek_init()
	{
	local processes = osquery::hosts::to_wish([$ev=row, $query="SELECT pid FROM processes", $utype=osquery::BOTH,
	                                           $inter=10]);
	local users = osquery::hosts::to_wish([$ev=row, $query="SELECT uid FROM users", $cookie="\xff\xc3\xbc", $inter=0]);
	print processes;
	print osquery::hosts::wish_digest(vector(processes));
	print users;
	print osquery::hosts::wish_digest(vector(processes, users));
	print osquery::hosts::wish_digest(vector(users, processes));
	}
