# @TEST-DOC: A port that answers twice without a process, one that is refused in spite of one, and a long connection without one are found; ports and connections that processes have are not.
# @TEST-EXEC: sh $SCRIPTS/tests/lib/rows.sh <%INPUT >rows.tsv
# @TEST-EXEC: zeek -r $TRACES/hidden.pcap %INPUT >output
# @TEST-EXEC: btest-diff output

@load play

hook Play::other(info: osquery::ResultInfo, what: string, t: vector of string)
	{
	if ( what == "connection" )
		{
		for ( uid in osquery::hidden::connections )
			{
			info$cookie = "osquery-hidden-connection:" + uid;
			event osquery::hidden::connection_row(info, Play::n(t[0]), Play::n(t[1]));
			}
		return;
		}

	# The answers to what the host was asked: number | owners
	info$cookie = "osquery-hidden-" + what;
	event osquery::hidden::port_row(info, Play::n(t[0]), Play::n(t[1]));
	}

# rows: 1 web-1 new host debian|10.0.0.5|servers
# rows: 2 web-1 new listener 0|0|0|.|.|.|.
# rows: 2 web-1 new listener 80|8080|6|0.0.0.0|nginx|/usr/sbin/nginx|www-data
# rows: 2 web-1 new listener 81|9999|6|0.0.0.0|knockd|/usr/sbin/knockd|root
# rows: 20 web-1 new socket 90|10.0.0.5|41001|192.0.2.67|443|curl|/usr/bin/curl|alice
# rows: 60.5 web-1 snapshot answered 4444|0
# 6000 belongs to a program that the last poll has missed.
# rows: 60.6 web-1 snapshot answered 6000|1
# rows: 60.7 web-1 snapshot refused 9999|1
# rows: 150.5 web-1 snapshot answered 4444|0
# rows: 150.6 web-1 snapshot answered 6000|1
# rows: 150.7 web-1 snapshot refused 9999|1
# rows: 240 web-1 snapshot connection 0|1
