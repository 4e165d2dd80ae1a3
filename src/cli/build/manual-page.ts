/** The page of `man bro-osquery`, in the macros of man(7), with what the commands say of themselves. */
export function manualPage(facts: {
  readonly version: string;
  readonly date: Date;
  readonly help: ReadonlyMap<string, string>;
}): string {
  const { version, date, help } = facts;
  const commands = [...help]
    .filter(([name]) => name !== '')
    .map(([name, text]) => `.SS ${name}\n.EX\n${verbatim(text)}\n.EE`);
  return `.TH BRO-OSQUERY 1 "${date.toISOString().slice(0, 10)}" "bro-osquery ${version}" "User Commands"
.SH NAME
bro-osquery \\- make this osquery host a live sensor of the network monitor Zeek
.SH SYNOPSIS
.B bro-osquery
.RI [ command ]
.RI [ options ]
.SH DESCRIPTION
An extension of osqueryd: Zeek scripts subscribe to SQL, osquery runs it, and each row that comes or goes arrives in
Zeek as an event. osqueryd starts the extension by way of
.IR /etc/osquery/extensions.load ,
and it is configured under the key
.B bro
of osquery's own configuration; see the examples in
.IR /usr/share/doc/bro-osquery/examples .
.PP
.EX
${verbatim(help.get('') ?? '')}
.EE
.SH COMMANDS
${commands.join('\n')}
.SH FILES
.TP
.I /usr/lib/osquery/extensions/bro-osquery.ext
the program
.TP
.I /etc/osquery/extensions.load
what osqueryd loads, a path a line; a # before ours switches it off for good
.TP
.I /var/osquery/bro-osquery
the state: event log, journal and cursors
.SH SEE ALSO
.BR osqueryi (1),
.BR zeek (8)
`;
}

/** Text whose lines stay: nothing in it is a macro, a hyphen is the one of the command line. */
function verbatim(text: string): string {
  return text.trimEnd().replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll(/^[.']/gm, '\\&$&');
}
