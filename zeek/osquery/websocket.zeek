##! Listens for hosts that connect by WebSocket, and on Zeek 8.1 and later gives a Zeek that has no cluster backend
##! the ZeroMQ one, with its proxy inside the process, which then drops nothing: how much is under way is bounded by the
##! hosts, who wait for acknowledgements. From Zeek 8.1 on the port is 27759, Zeek's own for this; in a cluster the manager
##! listens there already (zeekctl's ``UseWebSocket``), and no other port is opened.

@load base/frameworks/cluster
@load base/misc/version
@load ./framework/options

@if ( Version::at_least("8.1.0") )
@if ( Cluster::backend == Cluster::CLUSTER_BACKEND_NONE && |Cluster::nodes| == 0 )
@load frameworks/cluster/backend/zeromq
redef Cluster::Backend::ZeroMQ::run_proxy_thread = T;
redef Cluster::Backend::ZeroMQ::xpub_sndhwm = 0;
redef Cluster::Backend::ZeroMQ::onloop_queue_hwm = 0;
@endif
@endif

redef osquery::listen_websocket = T;

@if ( Version::at_least("8.1.0") )
redef osquery::websocket_port = 27759/tcp;
@endif

@load ./framework
