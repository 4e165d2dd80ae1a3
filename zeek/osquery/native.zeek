##! Listens for hosts with Broker's own protocol, and on Zeek 8.1 and later makes Broker the cluster backend of a Zeek
##! that has none.

@load base/frameworks/cluster
@load base/misc/version
@load ./framework/options

@if ( Version::at_least("8.1.0") )
@if ( Cluster::backend == Cluster::CLUSTER_BACKEND_NONE && |Cluster::nodes| == 0 )
@load frameworks/cluster/backend/broker
@endif
@endif

redef osquery::listen_native = T;

@load ./framework
