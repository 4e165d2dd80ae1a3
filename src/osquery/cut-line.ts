/** A beginning of a row that is long enough to tell which query's it is. */
const READ = 4_096;

/**
 * The names of the columns in the first row of a result line that ends in the middle: with --logger_numerics osqueryd cuts
 * a line off at a number that JSON has no form for, and the query's name, which most forms have at their end, with it.
 *
 * @returns the names up to the place, in their order; undefined where the line does not begin as a result
 */
export function columnsOfCutLine(line: Buffer): readonly string[] | undefined {
  const text = line.toString('latin1', 0, READ);
  const row =
    /^\{(?:"diffResults":\{"removed":\[(?:\{.*?\})?\],"added":\[|"snapshot":\[|.*"columns":)\{/.exec(text);
  if (!row) return undefined;
  const names: string[] = [];
  const member = /"((?:[^"\\]|\\.)*)":(?:"(?:[^"\\]|\\.)*"|[-\d.eE+]*)(,?)/y;
  member.lastIndex = row[0].length;
  for (let found = member.exec(text); found; found = member.exec(text)) {
    names.push(Buffer.from(found[1] ?? '', 'latin1').toString('utf8'));
    if (found[2] !== ',') break;
  }
  return names.length === 0 ? undefined : names;
}
