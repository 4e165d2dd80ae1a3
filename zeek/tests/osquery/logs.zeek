# @TEST-DOC: Rows become lines with Zeek's types, and the Community ID is that of conn.log, whichever end is first.
# @TEST-EXEC: zeek -r $TRACES/clock.pcap %INPUT >output
# @TEST-EXEC: for log in sockets listening-ports logins files ssh-keys ssh-settings system-logs packages services certificates usb-devices containers; do echo "== $log"; grep -E '^#types' osq-$log.log | cut -f 9-; grep -v '^#' osq-$log.log | cut -f 3,5- | sed 's/\t/|/g'; done >>output
# @TEST-EXEC: grep -c CommunityID reporter.log >>output 2>/dev/null || echo no error >>output
# @TEST-EXEC: btest-diff output

@load osquery/logging

module Test;

event network_time_init()
	{
	local info = osquery::ResultInfo($host="h1", $utype=osquery::ADD, $cookie="x");
	event osquery::logging::sockets::row(info, 10, 3, 2, 6, "::ffff:128.232.110.120", 34855, "66.35.250.204", 80, "ESTABLISHED", "curl", "alice", 9, "bash");
	event osquery::logging::sockets::row(info, 11, 3, 2, 6, "66.35.250.204", 80, "128.232.110.120", 34855, "ESTABLISHED", "", "", 0, "");
	event osquery::logging::sockets::row(info, 13, 3, 2, 132, "10.0.0.1", 5000, "10.0.0.2", 5001, "ESTABLISHED", "sctp", "root", 1, "init");
	event osquery::logging::listening_ports::row(info, 12, 53, 17, 10, "::1", 4, "", "named", "bind");
	event osquery::logging::listening_ports::row(info, 12, 0, 0, 1, "", 4, "/run/x.sock", "named", "bind");
	event osquery::logging::logins::row(info, "alice", "pts/0", 100, "user-process", 1772366400, "2001:db8::1%eth0");
	event osquery::logging::logins::row(info, "bob", "", 101, "user-process", 0, "laptop.example");
	event osquery::logging::files::row(info, "/etc/passwd", "UPDATED", "etc", 100, "0644", 0, 1772366400, "ab", 1772366401);
	event osquery::logging::ssh_keys::row([$host="h1", $utype=osquery::ADD, $cookie="osq-ssh-keys-authorized"], "root", "ssh-ed25519", "AAAA", "me", "/root/.ssh/authorized_keys", 0);
	event osquery::logging::ssh_keys::row([$host="h1", $utype=osquery::ADD, $cookie="osq-ssh-keys-private"], "root", "ed25519", "", "", "/root/.ssh/id_ed25519", 0);
	event osquery::logging::ssh_settings::row([$host="h1", $utype=osquery::ADD, $cookie="osq-ssh-settings-server"], "", "/files/etc/ssh/sshd_config/PermitRootLogin", "PermitRootLogin", "yes", "/etc/ssh/sshd_config");
	event osquery::logging::ssh_settings::row([$host="h1", $utype=osquery::ADD, $cookie="osq-ssh-settings-client"], "alice", "host *", "forwardagent yes", "", "/home/alice/.ssh/config");
	event osquery::logging::system_logs::row(info, 1772366400, 3, "auth", "sshd[1]", "Failed password");
	event osquery::logging::packages::row([$host="h1", $utype=osquery::ADD, $cookie="osq-packages-deb"], "openssl", "3.0.1", "Debian", "");
	event osquery::logging::services::row(info, "ssh.service", "OpenBSD Secure Shell server", "active", "enabled", "/lib/systemd/system/ssh.service", "");
	event osquery::logging::certificates::row(info, "ACCV", "CN=ACCV", "CN=ACCV", 1, 1, "1304588257", "1924940257", "93057a", "5E", "/etc/ssl/certs/ca-certificates.crt");
	event osquery::logging::certificates::row(info, "Odd", "CN=Odd", "CN=Odd", 0, 0, "Jan 1", "", "00", "", "");
	event osquery::logging::usb_devices::row(info, "Kingston", "0951", "DataTraveler", "1666", "", 1);
	event osquery::logging::containers::row(info, "abc", "/web", "nginx", "nginx -g", "running", 77, 1, 1772366400);
	}
