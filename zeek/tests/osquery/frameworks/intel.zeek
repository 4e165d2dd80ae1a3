# @TEST-DOC: Indicators on hosts are seen, with host, process and user, and others are not.
# @TEST-EXEC: sh $SCRIPTS/tests/lib/rows.sh <%INPUT >rows.tsv
# @TEST-EXEC: zeek -r $TRACES/clock.pcap %INPUT >output
# @TEST-EXEC: zeek-cut seen.indicator seen.where seen.hostname seen.pid seen.process seen.user <intel.log | sort >>output
# @TEST-EXEC: btest-diff output

@load play
@load osquery/frameworks/intel

redef Intel::read_files += { "intel.dat" };
redef Play::wait_for += { "intel-intel.dat" };

hook Play::other(info: osquery::ResultInfo, what: string, t: vector of string)
	{
	switch ( what )
		{
		case "open":
			event osquery::logging::sockets::row(info, Play::n(t[0]), 3, 2, 6, "10.0.0.5", 40000, t[1], Play::n(t[2]),
			                                     "ESTABLISHED", t[3], t[4], 1, "init");
			break;
		case "user":
			event osquery::logging::users::row(info, 1000, 1000, t[0], "", "", "");
			break;
		case "certificate":
			event osquery::logging::certificates::row(info, "", t[0], "", 1, 1, "0", "0", t[1], "", "");
			break;
		case "package":
			event osquery::logging::packages::row(info, t[0], t[1], "", "");
			break;
		case "names":
			event osquery::intel::hosts_file_row(info, t[0], t[1]);
			break;
		}
	}

# rows: 1 web-1 new host debian|10.0.0.5|servers
# rows: 2 web-1 new program 4711|1|/tmp/update|/tmp/update|1|alice|900150983cd24fb0d6963f7d28e17f72|.|.
# rows: 2 web-1 new program 4712|1|/usr/bin/ok|/usr/bin/ok|1|alice|d41d8cd98f00b204e9800998ecf8427e|.|.
# rows: 3 web-1 new open 4711|198.51.100.66|443|update|alice
# rows: 3 web-1 gone open 4711|198.51.100.67|443|update|alice
# rows: 3 web-1 new open 4711|198.51.100.68|443|update|alice
# rows: 4 web-1 new user mallory
# rows: 5 web-1 new certificate Evil CA|93057a8815c64fce882ffa9116522878bc536417
# rows: 6 web-1 new package xmrig|6.1
# rows: 7 web-1 new names 198.51.100.66|update.evil.example localhost

@TEST-START-FILE intel.dat
#fields	indicator	indicator_type	meta.source
900150983cd24fb0d6963f7d28e17f72	Intel::FILE_HASH	test
198.51.100.66	Intel::ADDR	test
198.51.100.67	Intel::ADDR	test
mallory	Intel::USER_NAME	test
93057a8815c64fce882ffa9116522878bc536417	Intel::CERT_HASH	test
xmrig	Intel::SOFTWARE	test
update.evil.example	Intel::DOMAIN	test
@TEST-END-FILE
