@load base/misc/version
@load base/frameworks/broker
@load base/frameworks/cluster
@load base/frameworks/logging
@load base/frameworks/notice

@load ./options
@load ./types
@load ./log
@load ./messages
@load ./publish
@load ./rows
@load ./hosts
@load ./wishes
@load ./subscriptions
@load ./groups
@load ./cluster
@load ./listen
