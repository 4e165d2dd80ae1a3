##! Listens for consoles.

@load ./options
@load ../framework

module osquery::console;

event zeek_init() &priority=-20
	{
	if ( ! listen || ! osquery::is_owner() )
		return;

	if ( ! osquery::open_websocket(listen_address, listen_port, certificate, key, ca_file, ca_file != "") )
		Reporter::error(fmt("osquery: can't listen for consoles on %s, port %s", listen_address, listen_port));
	}
