# @TEST-DOC: What was there before is no news, what is new names who wrote it, a package manager's raises nothing, and all that comes anew neither.
# @TEST-EXEC: sh $SCRIPTS/tests/lib/rows.sh <%INPUT >rows.tsv
# @TEST-EXEC: zeek -r $TRACES/clock.pcap %INPUT >output
# @TEST-EXEC: btest-diff output

@load play

hook Play::other(info: osquery::ResultInfo, what: string, t: vector of string)
	{
	if ( what == "wrote" )
		event osquery::persistence::file_row(info, Play::n(t[0]), t[1], t[2], t[3], Play::at(t[4]));
	else if ( what == "ran" )
		event osquery::persistence::process_row(info, Play::n(t[0]), t[1], t[2], t[3], Play::at(t[4]));
	else
		{
		# kind: what | detail | path | owner
		info$cookie = "osquery-persistence-" + what;
		event osquery::persistence::row(info, t[0], t[1], t[2], t[3]);
		}
	}

# rows: 1 web-1 new host debian|10.0.0.5|servers
# rows: 5 web-1 new cron .|.|.|.
# rows: 5 web-1 new cron /usr/bin/old|* * * * *|/etc/crontab|.
# rows: 5 web-1 new keys .|.|.|.
# rows: 5 web-1 new systemd .|.|.|.
# rows: 5 web-1 new suid .|.|.|.
# rows: 5 web-1 new suid /usr/bin/sudo|S|/usr/bin/sudo|root
# rows: 60 web-1 new ran 500|/bin/sh|sh -c echo ssh-ed25519 AAAA >> /root/.ssh/authorized_keys|root|58
# rows: 65 web-1 new keys AAAAC3NzaC1lZDI1NTE5|ssh-ed25519 mallory@evil|/root/.ssh/authorized_keys|root
# rows: 70 web-1 new cron /tmp/.cache/update|*/5 * * * *|/etc/cron.d/update|.
# The file event comes after the row that it explains.
# rows: 80 web-1 new wrote 4711|/tmp/.cache/update|/etc/cron.d/update|root|66
# rows: 90 web-1 new wrote 600|/usr/bin/dpkg|/etc/systemd/system/good.service|root|88
# rows: 91 web-1 new systemd good.service|regular, 80 bytes|/etc/systemd/system/good.service|root
# rows: 120 web-1 new suid /usr/local/bin/x|S|/usr/local/bin/x|root
# The extension has lost its state, and everything comes anew.
# rows: 300 web-1 new cron .|.|.|.
# rows: 300 web-1 new cron /usr/bin/old|* * * * *|/etc/crontab|.
# rows: 300 web-1 new cron /tmp/.cache/update|*/5 * * * *|/etc/cron.d/update|.
# rows: 400 web-1 gone cron /usr/bin/old|* * * * *|/etc/crontab|.
# A host whose first answer comes later.
# rows: 410 db-1 new host debian|10.0.0.6|servers
# rows: 420 db-1 new cron .|.|.|.
# rows: 420 db-1 new cron /usr/bin/old|* * * * *|/etc/crontab|.
