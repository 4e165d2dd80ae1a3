##! ``conn.log`` gets the host, process and user behind each end of a connection, from what osquery tells of the hosts'
##! sockets, and how that was found. What the evidence does not decide stays empty.

@load ./types
@load ./clocks
@load ./sockets
@load ./processes
@load ./accepts
@load ./order
@load ./connects
@load ./decide
@load ./conn-log
@load ./cluster
@load ./queries
@load ./report
