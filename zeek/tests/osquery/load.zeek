# @TEST-DOC: Loading the package says nothing, subscribes to nothing and asks no host for anything.
# @TEST-EXEC: zeek %INPUT >output 2>&1
# @TEST-EXEC: btest-diff output

@load osquery

event zeek_done()
	{
	print osquery::listen_native, osquery::listen_websocket, |osquery::hosts::subscriptions|;
	}
