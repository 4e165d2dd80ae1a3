# @TEST-DOC: A downloaded program that runs is found, and a downloaded file that appears; one that doesn't run, one that ran before, one that hosts had and a page are not.
# @TEST-EXEC: sh $SCRIPTS/tests/lib/rows.sh <%INPUT >rows.tsv
# @TEST-EXEC: zeek -r $TRACES/download.pcap %INPUT >output
# @TEST-EXEC: btest-diff output

@load play

redef osquery::downloads::clock_slack = 5sec;

# rows: 1 web-1 new host debian|10.0.0.5|servers
# rows: 1 web-1 new listener 0|0|0|.|.|.|.
# rows: 2 web-1 new program 0|0|.|.|0|.|.|.|.
# rows: 40 web-1 new program 4711|1|/tmp/.cache/update|/tmp/.cache/update -d|38|alice|.|.|b243e67ba3d8c1ff6d50209067c098a95d71886583b7e0a5e169b754d5365f7b
# rows: 40 web-1 new program 4712|1|/opt/old|/opt/old|2|alice|.|.|12cbe4216c1bd5dafa237b2c7c7e7bf4d0dbbf3e70f286cd03dad6aaadab4c2d
# rows: 41 web-1 new program 4713|1|/usr/bin/cat|cat /tmp/report|40|alice|.|.|abababababababababababababababababababababababababababababababab
# rows: 50 db-1 new host debian|10.0.0.6|servers
# rows: 60 db-1 new program 11|1|/srv/update|/srv/update|58|root|.|.|b243e67ba3d8c1ff6d50209067c098a95d71886583b7e0a5e169b754d5365f7b
# rows: 70 web-1 new file /home/alice/report|CREATED|3c6cf2dd761dc719194c6e7b7ae14a739bc161a0902662658b55a66f585f53b7|69
# rows: 71 web-1 new file /home/alice/other|CREATED|cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd|70
# rows: 5 web-1 new program 100|1|/usr/bin/had|/usr/bin/had|1|root|.|.|6eeb7d35fc6be3e30d8c8843bea52b15d9ccd291e8ef3afae278caa77808f40a
# rows: 80 web-1 new program 101|1|/usr/bin/had|/usr/bin/had|78|root|.|.|6eeb7d35fc6be3e30d8c8843bea52b15d9ccd291e8ef3afae278caa77808f40a
