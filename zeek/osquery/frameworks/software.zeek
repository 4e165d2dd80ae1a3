##! Zeek's software framework knows what is installed on hosts: ``software.log``, and Zeek's own policy of vulnerable
##! versions (``policy/frameworks/software/vulnerable``), work for it.

@load base/frameworks/software
@load ../framework
@load ../logging/packages

module osquery::software;

export {
	redef enum Software::Type += {
		## A package or program that is installed on a host.
		INSTALLED,
	};

	## Names of the software to follow, all by default. A host has some hundred to some thousand packages, and Zeek keeps
	## each for a day; with many hosts name those that matter.
	option names = /.*/;
}

# The numbers at a version's beginning; what follows is additional. Epoch and the distribution's
# revision are no part of the version that others compare with.
function read_version(text: string): Software::Version
	{
	local bare = sub(text, /^[0-9]+:/, "");
	local v = Software::Version();
	local found = find_all_ordered(bare, /^[0-9]+(\.[0-9]+){0,3}/);
	if ( |found| == 0 )
		return v;

	local numbers = split_string(found[0], /\./);
	v$major = to_count(numbers[0]);
	if ( |numbers| > 1 )
		v$minor = to_count(numbers[1]);
	if ( |numbers| > 2 )
		v$minor2 = to_count(numbers[2]);
	if ( |numbers| > 3 )
		v$minor3 = to_count(numbers[3]);

	local rest = sub(split_string(bare[|found[0]|:], /[-+]/)[0], /^[.~_]/, "");
	if ( rest != "" )
		v$addl = rest;

	return v;
	}

event osquery::logging::packages::row(info: osquery::ResultInfo, name: string, version: string, vendor: string,
                                      path: string)
	{
	if ( info$utype == osquery::REMOVE || names != name || info$host !in osquery::hosts::known )
		return;

	for ( a in osquery::hosts::known[info$host]$addresses )
		if ( osquery::hosts::is_reachable(a) )
			Software::found([$orig_h=a, $orig_p=0/tcp, $resp_h=a, $resp_p=0/tcp],
			                [$host=a, $software_type=INSTALLED, $name=name, $version=read_version(version),
			                 $unparsed_version=version]);
	}
