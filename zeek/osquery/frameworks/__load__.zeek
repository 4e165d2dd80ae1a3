##! Zeek's own frameworks, told of what is on hosts.

@load ./intel
@load ./known
@load ./notice
@load ./software
