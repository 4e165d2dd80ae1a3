# @TEST-DOC: Notices of other scripts get host, process and user of a connection's end, and nothing where two hosts share an address.
# @TEST-EXEC: sh $SCRIPTS/tests/lib/rows.sh <%INPUT >rows.tsv
# @TEST-EXEC: zeek -r $TRACES/hidden.pcap %INPUT >output
# @TEST-EXEC: btest-diff output

@load play
@load osquery/frameworks/notice

redef enum Notice::Type += { Test_Notice };

event connection_state_remove(c: connection)
	{
	if ( c$id$resp_p == 8080/tcp || c$id$resp_h == 192.0.2.67 )
		NOTICE([$note=Test_Notice, $msg=cat("connection to ", c$id$resp_h, " ", c$id$resp_p), $conn=c]);
	}

# rows: 1 web-1 new host debian|10.0.0.5|servers
# rows: 20 web-1 new socket 90|10.0.0.5|41001|192.0.2.67|443|curl|/usr/bin/curl|alice
# rows: 20 web-1 new socket 91|.|8080|.|0|nginx|/usr/sbin/nginx|www-data
# rows: 100 twin new host debian|10.0.0.5|servers
# rows: 300 twin gone farewell .
