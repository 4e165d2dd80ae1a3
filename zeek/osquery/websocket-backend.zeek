##! On Zeek 8.1 and later gives a Zeek that has no cluster backend the ZeroMQ one, with its proxy inside the process, which
##! then drops nothing: how much is under way is bounded by those who wait for acknowledgements.

@load base/frameworks/cluster
@load base/misc/version

@if ( Version::at_least("8.1.0") )
@if ( Cluster::backend == Cluster::CLUSTER_BACKEND_NONE && |Cluster::nodes| == 0 )
@load frameworks/cluster/backend/zeromq
redef Cluster::Backend::ZeroMQ::run_proxy_thread = T;
redef Cluster::Backend::ZeroMQ::xpub_sndhwm = 0;
redef Cluster::Backend::ZeroMQ::onloop_queue_hwm = 0;
@endif
@endif
