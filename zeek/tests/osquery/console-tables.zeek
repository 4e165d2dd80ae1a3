# @TEST-DOC: Which tables a query reads, and which a console may not ask; a name that WITH has made is none, a trick is no way round.
# @TEST-EXEC: zeek %INPUT >output
# @TEST-EXEC: btest-diff output

@load osquery/console

redef osquery::console::listen = F;

function sorted(names: set[string]): string
	{
	local list: vector of string;
	for ( name in names )
		list += name;

	return join_string_vec(sort(list, strcmp), " ");
	}

event zeek_init()
	{
	local queries = vector(
		"SELECT * FROM Processes",
		"SELECT a FROM x, y AS z JOIN \"Users\" u ON u.a = f(x, q) WHERE c IN (SELECT d FROM hash) AND e IN etc_hosts",
		"WITH t AS (SELECT * FROM users), w(a, b) AS (SELECT 1) SELECT * FROM t, w, main.t",
		"SELECT 'from x' FROM [last] -- from z\n",
		"SELECT /* FROM a */ 1 FROM/**/groups GROUP BY name ORDER BY a, b",
		"SELECT * FROM users UNION SELECT * FROM (WITH users AS (SELECT 1) SELECT * FROM users)",
		"WITH users AS (SELECT 1) SELECT 1; SELECT * FROM users",
		"SELECT * FROM ((a), b CROSS JOIN 'c') WHERE d = 'FROM e'",
		"SELECT 1");
	for ( _, sql in queries )
		print sql, sorted(osquery::console::tables_of(sql));

	local denied: set[string] = set("users");
	Option::set("osquery::console::denied_tables", denied);
	print osquery::console::table_problem(queries[0]), osquery::console::table_problem(queries[5]);
	local allowed: set[string] = set("processes");
	Option::set("osquery::console::allowed_tables", allowed);
	print osquery::console::table_problem(queries[0]), osquery::console::table_problem("SELECT * FROM hash");
	}
