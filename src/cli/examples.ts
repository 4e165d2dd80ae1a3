/** What each command's help shows as examples: by the command's words, the arguments and what they are for. */
export const EXAMPLES: Readonly<Record<string, readonly (readonly [args: string, purpose: string])[]>> = {
  extension: [
    ['--socket /var/osquery/osquery.em', 'join the osqueryd of this host'],
    ['--socket /var/osquery/osquery.em --metrics 9464', 'and serve metrics on loopback'],
    ['--socket /tmp/osquery.em --state-dir /tmp/state --trace /tmp/trace.jsonl', 'record what happens'],
  ],
  bro: [
    ["--subscribe 'SELECT pid, name FROM processes' --interval 2", 'print processes that start and end'],
    ["--execute 'SELECT * FROM os_version' --host web-1 --duration 10", 'ask one host once'],
    ["--nats nats://127.0.0.1:4222 --subscribe 'SELECT * FROM users'", 'serve hosts through a NATS server'],
  ],
  gateway: [
    ['--zeek zeek.example.com:9999', 'hosts connect to port 9998 of this machine'],
    ['--zeek ws://127.0.0.1:27759 --listen 0.0.0.0:9998', 'to a Zeek 8.1 or later on this machine'],
    ['--config /etc/bro-osquery/gateway.json --metrics 9465', 'with settings, and metrics on loopback'],
    ['--state-dir /tmp/gateway --zeek 127.0.0.1:9999 --audit-log /tmp/audit.jsonl', 'with an audit log'],
  ],
  generate: [
    ['/usr/share/osquery/packs/incident-response.conf', 'a script with a log for each query'],
    ['/etc/osquery/osquery.conf --osqueryd /usr/bin/osqueryd', 'with the types that this osqueryd tells'],
    ['lib/macos/queries --out site/osquery-packs', "Fleet's queries, beside Zeek's other scripts"],
    [
      "--sql 'SELECT name, path FROM processes' --event Downloads::changed",
      'a script for one query to go on with',
    ],
  ],
  query: [
    [
      "--zeek ws://127.0.0.1:27760 'SELECT name, version FROM os_version'",
      'ask all hosts of a Zeek on this machine',
    ],
    ["--zeek wss://zeek.example.com:27760 --group servers --csv 'SELECT * FROM users'", 'a group, as CSV'],
    [
      "--where 'platform = \"debian\"' --then 'SELECT name, count(DISTINCT host) FROM rows GROUP BY name' 'SELECT name FROM deb_packages'",
      'count over a part of the fleet',
    ],
    ["--host web-1 --every 5 --watch 'SELECT pid, name FROM processes'", 'live'],
    ['@listening', 'a saved query'],
  ],
  hosts: [
    ['--zeek ws://127.0.0.1:27760', 'all hosts of a Zeek on this machine'],
    ["--where 'NOT connected' --csv", 'those that are gone, as CSV (the Zeek of BRO_OSQUERY_ZEEK)'],
  ],
  console: [
    ['--zeek ws://127.0.0.1:27760', 'a page to look at the hosts'],
    ['--zeek wss://zeek.example.com:27760 --allow-queries', 'and to ask them'],
  ],
  host: [['web-1 --zeek ws://127.0.0.1:27760', 'one host']],
  queries: [['--zeek ws://127.0.0.1:27760', 'what is asked of hosts, and by whom']],
  top: [
    ['--zeek ws://127.0.0.1:27760', 'live, until Ctrl-C'],
    ['--once --json', 'for programs'],
  ],
  report: [
    ['/opt/zeek/logs/current', "one page out of the running Zeek's logs: report.html"],
    ['/opt/zeek/logs/2026-11-28 --out saturday.html', 'a day that is rotated and compressed'],
    ['/opt/zeek/logs --since -1d', 'the last 24 hours, wherever they lie'],
  ],
  simulate: [['--hosts 1000 --endpoint 127.0.0.1:9999 --duration 60', 'play a thousand hosts for a minute']],
  demo: [['', 'show the whole way on this machine']],
  'demo-nats': [['', 'show three hosts at a nats-server that dies']],
  'demo-attack': [
    ['--logs /tmp/lab-logs', "act it out, and keep Zeek's logs"],
    ['--ordinary 600', 'after ten minutes of ordinary work'],
  ],
  status: [
    ['', 'how the extension of this host is doing'],
    ['--json', 'the same for programs'],
    ['--state-dir /tmp/state', 'of an extension with another state directory'],
    ['--gateway', 'of the gateway of this machine'],
  ],
  setup: [
    ['--zeek zeek.example.com:9999 --dry-run', 'show what this host needs'],
    ['--zeek zeek.example.com:9999 --restart', 'write it, and restart osqueryd'],
    ['--zeek brokers://zeek.example.com --ca ca.pem --certificate web-1.pem --key web-1.key', 'with TLS'],
    ['--undo', 'take the last run back'],
  ],
  reload: [['', 'read the configuration now']],
  doctor: [
    ['', 'look at this host'],
    ['--trace-row', 'send a test row to each Zeek and follow it, hop by hop'],
    ['--gateway --config /etc/bro-osquery/gateway.json', 'look at the gateway of this machine'],
    ['--json', 'the same for programs'],
  ],
  manual: [
    ['', 'list the pages'],
    ['exit-codes', 'show the part of that name'],
    ['--search denylisted', 'find a word in all pages'],
  ],
  replay: [
    ['/var/osquery/bro-osquery', 'tell what happened'],
    ['/var/osquery/bro-osquery --since -1h --bro zeek.example.com:9999', 'the last hour with one Zeek'],
    ['/var/osquery/bro-osquery --type QueryRefused', 'what was refused, and why'],
    ["/var/osquery/bro-osquery --explain 'SELECT pid, name FROM processes'", 'why a query runs or does not'],
    ['/var/osquery/bro-osquery --diff -1d..', 'what has changed since yesterday'],
    ['/tmp/trace.jsonl --trace', 'run the machines once more over a trace'],
  ],
  'log verify': [['/var/osquery/bro-osquery', 'read every byte of the event log']],
  'log repair': [
    ['/var/osquery/bro-osquery --until 4711 --dry-run', 'say what would be cut off behind record 4711'],
    ['/var/osquery/bro-osquery --until 4711', 'cut it off, keeping copies'],
  ],
  inspect: [
    ['--sandbox', 'look at a whole setup at work'],
    ['/var/osquery/bro-osquery', 'look at an event log, as it grows'],
    ['--live 127.0.0.1:9909', 'look into an extension that runs with --inspect 9909'],
    ['--export peer.svg --machine bro-peer', 'draw a statechart'],
    ['--export charts --machine all', 'draw all of them, into a directory'],
  ],
  completion: [
    ['bash > /etc/bash_completion.d/bro-osquery', 'for all users of bash'],
    ['zsh > /usr/local/share/zsh/site-functions/_bro-osquery', 'for all users of zsh'],
    ['fish > ~/.config/fish/completions/bro-osquery.fish', 'for fish'],
  ],
};
