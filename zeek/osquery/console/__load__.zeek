##! Lets people ask the hosts from a console: ``bro-osquery query``, ``hosts`` and their like, which connect to this Zeek by
##! its WebSocket API. It listens on this machine alone unless told otherwise. Where a cluster backend matters (Zeek 8.1 and
##! later) and none is there, load ``osquery/native`` or ``osquery/websocket`` before this.

@load ../websocket-backend
@load ../framework
@load ./options
@load ./messages
@load ./log
@load ./tables
@load ./clients
@load ./activity
@load ./queries
@load ./lists
@load ./listen
