##! Zeek's way to publish and subscribe, whatever it is called: ``Cluster::`` where there is one (7.1 and later),
##! else ``Broker::``.

@load ./types

module osquery;

export {
@ifdef ( Cluster::publish )
	## Makes an event to publish.
	const make_event = Cluster::make_event;

	## Publishes an event that :zeek:see:`osquery::make_event` made.
	global publish: function(topic: string, ev: Cluster::Event): bool;
@else
	const make_event = Broker::make_event;
	global publish: function(topic: string, ev: Broker::Event): bool;
@endif

	## Subscribes this node to a topic and whatever begins with it.
	global listen_to: function(topic: string);
}

@ifdef ( Cluster::publish )
function publish(topic: string, ev: Cluster::Event): bool
	{
	return Cluster::publish(topic, ev);
	}
@else
function publish(topic: string, ev: Broker::Event): bool
	{
	return Broker::publish(topic, ev);
	}
@endif

global listened_to: set[string];

function listen_to(topic: string)
	{
	if ( topic in listened_to )
		return;

	add listened_to[topic];
@ifdef ( Cluster::subscribe )
	Cluster::subscribe(topic);
@else
	Broker::subscribe(topic);
@endif
	}
