##! Which processes of which hosts listen on which ports, kept up to date on the node that owns the hosts.

@load ../framework

module osquery::listeners;

export {
	## A port that a process listens on.
	type Listener: record {
		hid: string;
		## Unset: on every address.
		local_h: addr &optional;
		local_p: port;
		## 0 or less where osquery knows no process.
		pid: int;
		process: string &default="";
		path: string &default="";
		user: string &default="";
		since: time;
	};

	## Seconds between runs of the query.
	option query_interval = 30;

	## A port has begun to be listened on. ``news``: since the host's first answer.
	global opened: event(l: Listener, news: bool);

	## It has ceased.
	global closed: event(l: Listener);

	## The listeners of a host's port, whatever their address.
	global on_port: function(hid: string, p: port): set[Listener];

	## The rows.
	global row: event(info: osquery::ResultInfo, pid: int, number: int, protocol: int, address: string, name: string,
	                  path: string, username: string);
}

event opened(l: Listener, news: bool) &is_used
	{
	}

event closed(l: Listener) &is_used
	{
	}

global listeners: table[string] of table[port] of set[Listener];

function on_port(hid: string, p: port): set[Listener]
	{
	if ( hid in listeners && p in listeners[hid] )
		return listeners[hid][p];

	return set();
	}

# The listener that a row is about; none where it isn't there.
function find(hid: string, p: port, pid: int, local_h: set[addr]): set[Listener]
	{
	for ( l in on_port(hid, p) )
		if ( l$pid == pid && ( l?$local_h ? l$local_h in local_h : |local_h| == 0 ) )
			return set(l);

	return set();
	}

event row(info: osquery::ResultInfo, pid: int, number: int, protocol: int, address: string, name: string, path: string,
          username: string)
	{
	local news = osquery::is_news(info, number == 0);
	if ( number <= 0 )
		return;

	local hid = info$host;
	local p = osquery::read_port(number, protocol);
	local bound = osquery::read_address(address);
	for ( any_address in set(0.0.0.0, [::]) )
		delete bound[any_address];

	local there = find(hid, p, pid, bound);
	if ( info$utype == osquery::REMOVE )
		{
		for ( gone in there )
			{
			delete listeners[hid][p][gone];
			event closed(gone);
			}

		return;
		}

	if ( |there| > 0 )
		return;

	local l = Listener($hid=hid, $local_p=p, $pid=pid, $process=name, $path=path, $user=username,
	                   $since=osquery::host_time());
	for ( a in bound )
		l$local_h = a;

	if ( hid !in listeners )
		listeners[hid] = table();
	if ( p !in listeners[hid] )
		listeners[hid][p] = set();

	add listeners[hid][p][l];
	event opened(l, news);
	}

# It tells all of them when it comes back.
event osquery::host_disconnected(host_id: string)
	{
	delete listeners[host_id];
	}

function interval_changed(id: string, value: count): count
	{
	osquery::keep_interval("osquery-listeners", value);
	return value;
	}

event zeek_init()
	{
	Option::set_change_handler("osquery::listeners::query_interval", interval_changed);
	osquery::keep_query([$ev=row, $utype=osquery::BOTH, $inter=query_interval, $cookie="osquery-listeners",
	                     $query="SELECT CAST(0 AS BIGINT) AS pid, CAST(0 AS BIGINT) AS number, CAST(0 AS BIGINT) AS protocol, CAST('' AS TEXT) AS address, CAST('' AS TEXT) AS name, CAST('' AS TEXT) AS path, CAST('' AS TEXT) AS username UNION ALL SELECT l.pid, l.port AS number, l.protocol, l.address, p.name, p.path, u.username FROM listening_ports AS l LEFT JOIN processes AS p ON p.pid = l.pid LEFT JOIN users AS u ON u.uid = p.uid WHERE l.port > 0"]);
	}
