# @TEST-DOC: A beat and an upload are found and named, in one connection or in many; browsing, downloading and what an exception names are not.
# @TEST-EXEC: sh $SCRIPTS/tests/lib/rows.sh <%INPUT >rows.tsv
# @TEST-EXEC: zeek -r $TRACES/talk.pcap %INPUT >output
# @TEST-EXEC: zeek -r $TRACES/talk.pcap %INPUT osquery::detections::exceptions_file=exceptions.tsv 'Play::wait_for+={"osquery-exceptions"}' >excepted
# @TEST-EXEC: grep -c Beacon excepted >>output || true
# @TEST-EXEC: btest-diff output

@load play

redef osquery::beacons::upload_bytes = 50000;

# The addresses of documentation count as own ones for Zeek.
redef Site::private_address_space -= { 192.0.2.0/24 };

event zeek_done()
	{
	print "kept back", osquery::detections::excepted;
	}

# rows: 1 web-1 new host debian|10.0.0.5|servers
# rows: 1 web-1 new listener 0|0|0|.|.|.|.
# rows: 1 web-1 new socket 70|10.0.0.5|42000|192.0.2.66|443|update|/tmp/.cache/update|alice
# rows: 1 web-1 new socket 71|10.0.0.5|42001|192.0.2.67|443|firefox|/usr/bin/firefox|alice
# rows: 1 web-1 new socket 72|10.0.0.5|42002|192.0.2.70|443|rclone|/usr/bin/rclone|bob
# rows: 1 web-1 new socket 73|10.0.0.5|42003|192.0.2.71|443|curl|/usr/bin/curl|bob
# rows: 1 web-1 new socket 74|10.0.0.5|42004|192.0.2.80|443|python3|/usr/bin/python3|bob

@TEST-START-FILE exceptions.tsv
#separator \x09
#fields	note	host	process	user
osquery::beacons::*	web-?.example	up*	*
@TEST-END-FILE
