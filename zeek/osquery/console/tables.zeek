##! Which tables a query reads, as far as its text tells. It errs on the safe side: a name in a place where SQLite takes a
##! table counts as one, unless the query's own WITH has made it. The hosts' own limits know better; these are Zeek's.

@load ./options

module osquery::console;

export {
	## The names that stand in an SQL text where a table can stand, in lower case.
	global tables_of: function(sql: string): set[string];

	## Why a query may not be asked because of its tables; empty: it may.
	global table_problem: function(sql: string): string;
}

# A comment, a text, a quoted name, a word, or any other character.
const token = /--[^\n]*|\/\*([^*]|\*+[^*\/])*\*+\/|'([^']|'')*'|\x22([^\x22]|\x22\x22)*\x22|`([^`]|``)*`|\[[^\]]*\]|[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*|[^ \t\r\n]/;

const word = /^?([A-Za-z_\x80-\xff\x22`\[].*)$?/;

# Words after which no more tables of a FROM come.
const clause_ends = set("where", "group", "order", "having", "limit", "window", "union", "intersect", "except", "on",
                        "using", "select", "values", "returning", "set");

function tokens_of(sql: string): vector of string
	{
	local found: vector of string;
	for ( i, part in split_string_all(sql, token) )
		{
		# Every second part is one; what is between is white space.
		if ( i % 2 == 0 || |part| == 0 )
			next;

		if ( starts_with(part, "--") || starts_with(part, "/*") )
			next;

		found += part;
		}

	return found;
	}

function bare(name: string): string
	{
	local text = name;
	if ( /^[\x22'`\[]/ in name && |name| >= 2 )
		text = sub_bytes(name, 2, |name| - 2);

	return to_lower(text);
	}

function tables_of(sql: string): set[string]
	{
	local found: set[string];
	# With a schema before it a name means a table, whatever WITH has made.
	local qualified: set[string];
	local made: set[string];
	# For each parenthesis that is open: whether a table may come next, whether a FROM goes on, and what stands before it.
	local expects: vector of bool = vector(F);
	local within: vector of bool = vector(F);
	local before: vector of string = vector("");
	local closed = "";
	local tokens = tokens_of(sql);
	# Only a WITH that begins the query holds for all of it.
	local has_with = |tokens| > 0 && to_lower(tokens[0]) == "with";
	for ( i, t in tokens )
		{
		local depth = |expects| - 1;
		local lower = to_lower(t);
		local after = i + 1 < |tokens| ? to_lower(tokens[i + 1]) : "";
		local last = i > 0 ? tokens[i - 1] : "";
		if ( t == "(" )
			{
			# What is in parentheses after FROM is a list of tables of its own, or a SELECT.
			expects += expects[depth];
			within += expects[depth];
			before += last;
			expects[depth] = F;
			}
		else if ( t == ")" )
			{
			if ( depth > 0 )
				{
				closed = before[depth];
				expects = expects[0:depth];
				within = within[0:depth];
				before = before[0:depth];
				}
			}
		else if ( t == ";" )
			# Another query has no part in this one's WITH.
			has_with = F;
		else if ( t == "," )
			expects[depth] = within[depth];
		else if ( lower == "from" || lower == "join" )
			{
			expects[depth] = T;
			within[depth] = T;
			}
		else if ( lower == "with" )
			expects[depth] = F;
		else if ( lower in clause_ends )
			{
			expects[depth] = F;
			if ( lower != "on" && lower != "using" )
				within[depth] = F;
			}
		else if ( lower == "in" || lower == "into" || lower == "update" || lower == "table" )
			# ``x IN name`` reads a table, ``x IN (…)`` a list or a SELECT.
			expects[depth] = after != "(";
		else if ( lower == "as" && has_with && depth == 0 && ( after == "(" || after == "not" || after == "materialized" ) )
			# WITH name AS (…), WITH name (columns) AS (…)
			add made[bare(last == ")" ? closed : last)];
		else if ( expects[depth] && after != "." && ( word == t || /^'/ in t ) )
			{
			local name = bare(t);
			if ( last == "." || ! has_with )
				add qualified[name];
			else
				add found[name];

			expects[depth] = F;
			}
		}

	for ( cte in made )
		delete found[cte];

	return found | qualified;
	}

function table_problem(sql: string): string
	{
	if ( |allowed_tables| == 0 && |denied_tables| == 0 )
		return "";

	for ( name in tables_of(sql) )
		{
		if ( name in denied_tables )
			return fmt("the table %s may not be asked from a console (osquery::console::denied_tables)", name);

		if ( |allowed_tables| > 0 && name !in allowed_tables )
			return fmt("the table %s is not among those that may be asked from a console (osquery::console::allowed_tables)",
			           name);
		}

	return "";
	}
