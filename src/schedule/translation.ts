import { z } from 'zod';

/**
 * What runs in place of the SQL that a Bro wrote, where its scripts know other tables than osquery has. A statement with
 * sources is not for osquery's schedule: this process reads those, and runs the statement over what they give.
 */

const name = z.string();

/** Rows that this process makes: lines of files, fields of lines, the system's log, what this agent is and logs. */
export const rowSource = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('lines'), name, pattern: z.string() }),
  z.object({
    kind: z.literal('fields'),
    name,
    pattern: z.string(),
    /** Numbers from 1 on, 0 for the whole line; as often as the record has them. */
    fields: z.array(z.number().int().nonnegative()).readonly(),
    /** Empty: blanks, however many. */
    separator: z.string(),
    /** A regular expression (POSIX, extended) of lines to pass over; empty for none. */
    ignore: z.string(),
  }),
  z.object({ kind: z.literal('system-log'), name }),
  z.object({ kind: z.literal('agent'), name }),
  z.object({ kind: z.literal('agent-log'), name }),
]);

/** `name`: the table that it is in the statement. */
export type RowSource = z.infer<typeof rowSource>;

export const translation = z.object({
  sql: z.string(),
  sources: z.array(rowSource).readonly(),
});

export type Translation = z.infer<typeof translation>;

/** Whether osquery is to run it repeatedly; what it is not, this process is. */
export function isForOsquery(one: { readonly translation?: Translation | undefined }): boolean {
  return (one.translation?.sources.length ?? 0) === 0;
}

/** The statement as osquery takes it; of one with sources, before they are filled in. */
export function osquerySql(one: {
  readonly query: { readonly sql: string };
  readonly translation?: Translation | undefined;
}): string {
  return one.translation?.sql ?? one.query.sql;
}
