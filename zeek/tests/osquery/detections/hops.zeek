# @TEST-DOC: Hops over two hosts become one chain, whichever row comes first; a session that goes nowhere, one that goes back and one over a jump host raise nothing.
# @TEST-EXEC: sh $SCRIPTS/tests/lib/rows.sh <%INPUT >rows.tsv
# @TEST-EXEC: zeek -r $TRACES/hops.pcap %INPUT >output
# @TEST-EXEC: zeek-cut depth origin_h from_h from_p from_hostname via_hid to_h to_p to_hostname service pid process user path <osq-hops.log >>output
# @TEST-EXEC: zeek-cut chain <osq-hops.log | sort | uniq -c | sed -E 's/ *([0-9]+) .*/\1 hops in a chain/' | sort >>output
# @TEST-EXEC: zeek-cut uid_in uid_out <osq-hops.log | grep -vc - >>output
# @TEST-EXEC: btest-diff output

@load play

redef osquery::hops::jump_hosts += { "bastion" };

# rows: 1 web-1 new host debian|10.0.0.5|servers
# rows: 1 db-1 new host debian|10.0.0.6|servers
# rows: 1 bastion new host debian|10.0.0.8|.
# The second hop's row comes before the first's.
# rows: 20 db-1 new hop 801|ssh|ssh root@10.0.0.7|bob|10.0.0.6|40100|10.0.0.7|22|22|10.0.0.5|40001
# rows: 24 web-1 new hop 701|ssh|ssh db-1|alice|10.0.0.5|40001|10.0.0.6|22|22|203.0.113.9|50000
# The same once more, as a row may come.
# rows: 25 web-1 new hop 701|ssh|ssh db-1|alice|10.0.0.5|40001|10.0.0.6|22|22|203.0.113.9|50000
# Back to where it came from, and to itself.
# rows: 26 web-1 new hop 702|ssh|ssh 203.0.113.10|carol|10.0.0.5|40002|203.0.113.10|22|22|203.0.113.10|50001
# rows: 27 web-1 new hop 703|ssh|ssh localhost|carol|127.0.0.1|40003|127.0.0.1|22|22|203.0.113.10|50001
# rows: 28 bastion new hop 901|sshd|sshd: dave|dave|10.0.0.8|40200|10.0.0.6|22|22|203.0.113.20|50900
# rows: 60 web-1 gone hop 701|ssh|ssh db-1|alice|10.0.0.5|40001|10.0.0.6|22|22|203.0.113.9|50000
