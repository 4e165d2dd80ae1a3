##! All logs of rows.

@load ./processes
@load ./process-events
@load ./sockets
@load ./listening-ports
@load ./users
@load ./interfaces
@load ./mounts
