##! Listens for hosts, where told to.

@load ./cluster

module osquery;

export {
	## Listens for clients of Zeek's WebSocket API.
	global open_websocket: function(address: addr, p: port, certificate: string, key: string, ca_file: string,
	                                verify: bool): bool;
}

function open_websocket(address: addr, p: port, certificate: string, key: string, ca_file: string, verify: bool): bool
	{
@if ( Version::at_least("8.0.0") )
	local tls = Cluster::WebSocketTLSOptions($enable_peer_verification=verify, $ca_file=ca_file);
	if ( certificate != "" )
		tls$cert_file = certificate;
	if ( key != "" )
		tls$key_file = key;

	return Cluster::listen_websocket(Cluster::WebSocketServerOptions($listen_addr=address, $listen_port=p,
	                                                                 $tls_options=tls));
@else
	return Broker::listen_websocket(cat(address), p) != 0/tcp;
@endif
	}

event zeek_init() &priority=-20
	{
	if ( ! is_owner() )
		return;

@if ( Version::at_least("8.1.0") )
	if ( ( listen_native || listen_websocket ) && Cluster::backend == Cluster::CLUSTER_BACKEND_NONE )
		{
		Reporter::error("osquery: this Zeek has no cluster backend, so nothing it publishes reaches a host; load osquery/websocket or osquery/native before setting osquery::listen_*");
		return;
		}

	if ( listen_native && Cluster::backend != Cluster::CLUSTER_BACKEND_BROKER )
		Reporter::warning("osquery: the nodes of this cluster don't speak Broker, so nothing it publishes reaches hosts that connect by osquery/native; load osquery/websocket instead");
@endif

	if ( listen_native && Broker::listen(broker_ip, broker_port) == 0/tcp )
		Reporter::error(fmt("osquery: can't listen on %s, port %s", broker_ip, broker_port));

	# A cluster's manager has this port open by itself: zeekctl's UseWebSocket, on by default from 8.1 on.
	if ( Cluster::is_enabled() && websocket_port == 27759/tcp )
		return;

	if ( listen_websocket && ! open_websocket(websocket_address, websocket_port, websocket_certificate, websocket_key,
	                                           websocket_ca_file, websocket_verify_hosts) )
		Reporter::error(fmt("osquery: can't listen for WebSocket clients on %s, port %s", websocket_address,
		                    websocket_port));
	}
