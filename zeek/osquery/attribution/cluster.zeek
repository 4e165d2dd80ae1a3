##! In a cluster the manager gets all rows and pairs connects with connections; the workers know the sockets, and ask the
##! manager what they don't decide themselves.

@load ./conn-log

module osquery::attribution;

export {
	## Tells all nodes of a socket.
	global tell_socket: function(key: string, s: Socket, present: bool);

	## Tells all nodes of a process.
	global tell_process: function(what: string, hid: string, pid: int, present: bool);
}

function tell_socket(key: string, s: Socket, present: bool)
	{
	event socket_changed(key, s, present);
	if ( Cluster::is_enabled() )
		osquery::publish(Cluster::worker_topic, osquery::make_event(socket_changed, key, s, present));
	}

function tell_process(what: string, hid: string, pid: int, present: bool)
	{
	if ( what == "foreign" )
		{
		event foreign_process(hid, pid, present);
		if ( Cluster::is_enabled() )
			osquery::publish(Cluster::worker_topic, osquery::make_event(foreign_process, hid, pid, present));
		}
	else
		{
		event forking_process(hid, pid, present);
		if ( Cluster::is_enabled() )
			osquery::publish(Cluster::worker_topic, osquery::make_event(forking_process, hid, pid, present));
		}
	}

event osquery::host_disconnected(host_id: string)
	{
	# It will tell all its sockets anew.
	if ( host_id in keys_of_host )
		for ( key in copy(keys_of_host[host_id]) )
			tell_socket(key, sockets[key], F);

	if ( host_id in foreign_processes )
		for ( pid in copy(foreign_processes[host_id]) )
			tell_process("foreign", host_id, pid, F);

	if ( host_id in forking_processes )
		for ( parent in copy(forking_processes[host_id]) )
			tell_process("forking", host_id, parent, F);
	}

# A node that comes up later gets all that is there.
event Cluster::node_up(name: string, id: string)
	{
	if ( ! osquery::is_owner() || name !in Cluster::nodes || Cluster::nodes[name]$node_type != Cluster::WORKER )
		return;

	for ( key, s in sockets )
		if ( ! s?$last )
			osquery::publish(Cluster::node_topic(name), osquery::make_event(socket_changed, key, s, T));

	for ( hid, foreign in foreign_processes )
		for ( pid in foreign )
			osquery::publish(Cluster::node_topic(name), osquery::make_event(foreign_process, hid, pid, T));

	for ( fid, forking in forking_processes )
		for ( fork_pid in forking )
			osquery::publish(Cluster::node_topic(name), osquery::make_event(forking_process, fid, fork_pid, T));
	}
