##! All logs of rows.

@load ./processes
@load ./process-events
@load ./sockets
@load ./listening-ports
@load ./users
@load ./interfaces
@load ./mounts
@load ./logins
@load ./files
@load ./ssh-keys
@load ./ssh-settings
@load ./system-logs
@load ./packages
@load ./services
@load ./certificates
@load ./usb-devices
@load ./containers
