##! Listens for hosts that connect by WebSocket, and on Zeek 8.1 and later gives a Zeek that has no cluster backend
##! the ZeroMQ one, with its proxy inside the process.

@load base/frameworks/cluster
@load base/misc/version
@load ./framework/options

@if ( Version::at_least("8.1.0") )
@if ( Cluster::backend == Cluster::CLUSTER_BACKEND_NONE && |Cluster::nodes| == 0 )
@load frameworks/cluster/backend/zeromq
redef Cluster::Backend::ZeroMQ::run_proxy_thread = T;
@endif
@endif

redef osquery::listen_websocket = T;

@load ./framework
