# @TEST-DOC: Every script of the package loads on its own and with all others, without a warning.
# @TEST-EXEC: zeek -a osquery/native >output 2>&1
# @TEST-EXEC: zeek -a osquery/websocket >>output 2>&1
# @TEST-EXEC: zeek -a osquery/attribution >>output 2>&1
# @TEST-EXEC: zeek -a osquery/watch >>output 2>&1
# @TEST-EXEC: zeek -a osquery/packs >>output 2>&1
# @TEST-EXEC: for log in processes process-events sockets listening-ports users interfaces mounts; do zeek -a osquery/logging/$log >>output 2>&1 || exit 1; done
# @TEST-EXEC: zeek -a osquery osquery/logging osquery/watch >>output 2>&1
# @TEST-EXEC: zeek -b -a osquery osquery/logging osquery/watch >>output 2>&1
# @TEST-EXEC: test ! -s output
