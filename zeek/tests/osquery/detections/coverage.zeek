# @TEST-DOC: A host that is away and seen, and a machine without osquery, are found; one that is away and quiet, one that comes once and one that needn't have it are not.
# @TEST-EXEC: sh $SCRIPTS/tests/lib/rows.sh <%INPUT >rows.tsv
# @TEST-EXEC: zeek -r $TRACES/coverage.pcap %INPUT >output
# @TEST-EXEC: btest-diff output

@load play

redef osquery::coverage::managed_networks += { 10.0.0.0/24 };
redef osquery::coverage::unmanaged_ok += { 10.0.0.53/32 };

# rows: 1 web-1 new host debian|10.0.0.5,127.0.0.1|servers
# rows: 1 db-1 new host debian|10.0.0.6|servers
# rows: 90 web-1 gone farewell .
# rows: 90 db-1 gone farewell .
