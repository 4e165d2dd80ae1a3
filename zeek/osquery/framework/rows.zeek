##! What is known of a row beside its columns. Use these inside the event that takes the row.

@load ./types

module osquery;

@ifdef ( EventMetadata::register )
export {
	redef enum EventMetadata::ID += {
		## A row's number.
		SEQUENCE = 200,
	};
}

event zeek_init() &priority=100
	{
	EventMetadata::register(SEQUENCE, count);
	}
@endif

export {
	## The row's number in what its host has for this Zeek; 0 where Zeek doesn't hand it to scripts (before 8.0).
	global sequence: function(): count;

	## When osquery ran the query, by the host's clock; Zeek's own time where the host didn't say.
	global host_time: function(): time;

	## ``ADD`` and its likes as words for logs: new, gone, snapshot.
	global change: function(info: ResultInfo): string;
}

function sequence(): count
	{
@ifdef ( EventMetadata::register )
	local numbers = EventMetadata::current(SEQUENCE);
	if ( |numbers| > 0 )
		return numbers[0] as count;
@endif

	return 0;
	}

function host_time(): time
	{
@ifdef ( EventMetadata::register )
	local times = EventMetadata::current(EventMetadata::NETWORK_TIMESTAMP);
	if ( |times| > 0 )
		return times[0] as time;

	return network_time();
@else
	return current_event_time();
@endif
	}

function change(info: ResultInfo): string
	{
	switch ( info$utype )
		{
		case ADD:
			return "new";
		case REMOVE:
			return "gone";
		default:
			return "snapshot";
		}
	}
