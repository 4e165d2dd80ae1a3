##! How many ends of connections of known hosts were answered, by kind of evidence. These are counts of answers: how many
##! of them are right is measured elsewhere (``make bench-attribution``), and not known here.

@load ./conn-log

module osquery::attribution;

export {
	## Ends of connections of known hosts since this Zeek started: originators (``T``) and responders, by the kind of
	## evidence; ``none`` where there was none.
	global answers: table[bool, string] of count &default=0;
}

const kinds = vector("exact", "accept", "ordered", "listener", "ambiguous", "none");

event counted(is_orig: bool, what: string)
	{
	++answers[is_orig, what];
	}

function counts_of(is_orig: bool): string
	{
	local texts: vector of string;
	for ( _, kind in kinds )
		if ( [is_orig, kind] in answers )
			texts += fmt("%s %d", kind, answers[is_orig, kind]);

	return |texts| > 0 ? join_string_vec(texts, ", ") : "none asked";
	}

event report()
	{
	if ( |answers| > 0 )
		osquery::log_local("info", fmt("Ends of connections of known hosts, by evidence: originators: %s; responders: %s",
		                               counts_of(T), counts_of(F)));

	if ( report_interval > 0secs )
		schedule report_interval { report() };
	}

event zeek_done()
	{
	event report();
	}

event zeek_init()
	{
	if ( report_interval > 0secs )
		schedule report_interval { report() };
	}
