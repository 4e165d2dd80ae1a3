##! Zeek's known hosts, services and certificates, from the inside: a port that a process listens on is known before
##! anybody connects.

@load protocols/conn/known-hosts
@load protocols/conn/known-services
@load protocols/ssl/known-certs
@load ../framework
@load ../inventory/listeners
@load ../logging/certificates

module osquery::known;

export {
	## Take the certificates of authorities as well: each host trusts some hundred.
	option take_authorities = F;
}

# The events that known hosts, services and certificates are added by are Known's own, and not exported.
module Known;

export {
	global host_from_inside: function(host: addr);
	global service_from_inside: function(host: addr, port_num: port);
	global certificate_from_inside: function(host: addr, subject: string, issuer: string, serial: string, sha1: string);
}

function host_from_inside(host: addr)
	{
	if ( addr_matches_host(host, host_tracking) )
		event Known::host_found(HostsInfo($ts=network_time(), $host=host));
	}

function certificate_from_inside(host: addr, subject: string, issuer: string, serial: string, sha1: string)
	{
	if ( addr_matches_host(host, cert_tracking) )
		event Known::cert_found(CertsInfo($ts=network_time(), $host=host, $subject=subject, $issuer_subject=issuer,
		                                  $serial=serial), sha1);
	}

function service_from_inside(host: addr, port_num: port)
	{
	if ( addr_matches_host(host, service_tracking) )
		event service_info_commit(ServicesInfo($ts=network_time(), $host=host, $port_num=port_num,
		                                       $port_proto=get_port_transport_proto(port_num), $service=set()));
	}

module osquery::known;

function addresses_of(hid: string): set[addr]
	{
	local addresses: set[addr];
	if ( hid in osquery::hosts::known )
		for ( a in osquery::hosts::known[hid]$addresses )
			if ( osquery::hosts::is_reachable(a) )
				add addresses[a];

	return addresses;
	}

event osquery::hosts::host_changed(host_id: string)
	{
	if ( osquery::isHostAlive(host_id) )
		for ( a in addresses_of(host_id) )
			Known::host_from_inside(a);
	}

event osquery::listeners::opened(l: osquery::listeners::Listener, news: bool)
	{
	for ( a in addresses_of(l$hid) )
		if ( ! l?$local_h || l$local_h == a )
			Known::service_from_inside(a, l$local_p);
	}

event osquery::logging::certificates::row(info: osquery::ResultInfo, common_name: string, subject: string,
                                          issuer: string, ca: int, self_signed: int, from: string, to: string,
                                          sha1: string, serial: string, path: string)
	{
	if ( info$utype == osquery::REMOVE || ( ca == 1 && ! take_authorities ) )
		return;

	for ( a in addresses_of(info$host) )
		Known::certificate_from_inside(a, subject, issuer, serial, sha1);
	}
