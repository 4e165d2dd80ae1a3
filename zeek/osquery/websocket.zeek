##! Listens for hosts that connect by WebSocket, and on Zeek 8.1 and later gives a Zeek that has no cluster backend
##! the ZeroMQ one (``osquery/websocket-backend``). From Zeek 8.1 on the port is 27759, Zeek's own for this; in a cluster
##! the manager listens there already (zeekctl's ``UseWebSocket``), and no other port is opened.

@load base/misc/version
@load ./framework/options
@load ./websocket-backend

redef osquery::listen_websocket = T;

@if ( Version::at_least("8.1.0") )
redef osquery::websocket_port = 27759/tcp;
@endif

@load ./framework
