# @TEST-DOC: What a group's programs connect to while it learns is usual, a new program later is found, on whichever of its hosts.
# @TEST-EXEC: sh $SCRIPTS/tests/lib/rows.sh <%INPUT >rows.tsv
# @TEST-EXEC: zeek -r $TRACES/talk.pcap %INPUT >output
# @TEST-EXEC: zeek-cut group program resp_p learning hostname user resp_h <osq-first-seen.log >>output
# @TEST-EXEC: cp osq-first-seen.log known.log
# @TEST-EXEC: echo after a restart, with what was known >>output
# @TEST-EXEC: zeek -r $TRACES/talk.pcap %INPUT osquery::first_seen::known_file=known.log 'Play::wait_for+={"osquery-first-seen"}' >>output
# @TEST-EXEC: btest-diff output

@load play

redef osquery::first_seen::learning_time = 30min;
redef osquery::beacons::min_connections = 1000;

# rows: 1 web-1 new host debian|10.0.0.5|servers
# rows: 1 web-1 new listener 0|0|0|.|.|.|.
# rows: 1 web-1 new socket 70|10.0.0.5|42000|192.0.2.66|443|update|/tmp/.cache/update|alice
# rows: 1 web-1 new socket 71|10.0.0.5|42001|192.0.2.67|443|firefox|/usr/bin/firefox|alice
# rows: 1 web-1 new socket 74|10.0.0.5|42004|192.0.2.80|443|python3|/usr/bin/python3|bob
