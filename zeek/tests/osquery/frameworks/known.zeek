# @TEST-DOC: Hosts, what they listen on, what is installed and their own certificates are known from the inside; loopback and authorities are not.
# @TEST-EXEC: sh $SCRIPTS/tests/lib/rows.sh <%INPUT >rows.tsv
# @TEST-EXEC: zeek -r $TRACES/clock.pcap %INPUT >output
# @TEST-EXEC: zeek-cut host <known_hosts.log | sort >>output
# @TEST-EXEC: zeek-cut host port_num port_proto <known_services.log | sort >>output
# @TEST-EXEC: zeek-cut host subject serial <known_certs.log | sort >>output
# @TEST-EXEC: zeek-cut host software_type name version.major version.minor version.minor2 version.minor3 version.addl unparsed_version <software.log | sort >>output
# @TEST-EXEC: btest-diff output

@load play
@load osquery/frameworks
@load frameworks/software/vulnerable

redef Software::vulnerable_versions += {
	["openssl"] = set(Software::VulnerableVersionRange($max=Software::Version($major=3, $minor=0, $minor2=2))),
};

hook Play::other(info: osquery::ResultInfo, what: string, t: vector of string)
	{
	if ( what == "certificate" )
		event osquery::logging::certificates::row(info, "", t[0], "CN=Issuer", Play::n(t[1]), 0, "0", "0", t[2], "5EC3", "");
	else
		event osquery::logging::packages::row(info, t[0], t[1], "", "");
	}

# rows: 1 web-1 new host debian|10.0.0.5,127.0.0.1,fe80::1|servers
# rows: 2 web-1 new listener 0|0|0|.|.|.|.
# rows: 2 web-1 new listener 80|443|6|0.0.0.0|nginx|/usr/sbin/nginx|www-data
# rows: 2 web-1 new listener 80|443|6|::|nginx|/usr/sbin/nginx|www-data
# rows: 2 web-1 new listener 81|5432|6|127.0.0.1|postgres|/usr/bin/postgres|postgres
# rows: 2 web-1 new listener 82|53|17|10.0.0.5|named|/usr/sbin/named|bind
# rows: 3 web-1 new certificate CN=web-1|0|aa
# rows: 3 web-1 new certificate CN=Root|1|bb
# rows: 4 web-1 new package openssl|1:3.0.1-5+deb12u1
# rows: 4 web-1 new package bash|5.2.15-2+b2
# rows: 4 web-1 new package tzdata|2024a-0+deb12u1
