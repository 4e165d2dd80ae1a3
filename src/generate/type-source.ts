import type { Column } from '../osquery/columns.ts';
import { commonType, expressionType, type TypeSource, type ValueType } from './expression-type.ts';
import { type SelectStatement, selectArms } from './select-arms.ts';

/** Names and types of a statement's columns. Rejects with the reason where osquery would refuse the statement. */
export type Describe = (sql: string) => Promise<readonly Column[]>;

/**
 * The types that the values of a statement's columns have, whatever osquery makes of the expressions; undefined where
 * the text doesn't tell. Undefined for statements whose list can't be told, such as one with a `*`.
 */
export async function valueTypes(
  sql: string,
  describe: Describe,
): Promise<readonly (ValueType | undefined)[] | undefined> {
  const statement = selectArms(sql);
  if (!statement || statement.arms.some((arm) => arm.items.some((item) => item.isStar))) return undefined;
  const types = await Promise.all(statement.arms.map((_arm, at) => typesOfArm(statement, at, describe)));
  return (types[0] ?? []).map((_type, at) => commonType(types.map((arm) => arm[at])));
}

function typesOfArm(statement: SelectStatement, at: number, describe: Describe) {
  const { sql, prefix, arms } = statement;
  const arm = arms[at];
  const source: TypeSource = {
    async column(text) {
      try {
        const [column] = await describe(`${prefix}SELECT ${text} ${arm?.from ?? ''}`);
        return column && valueType(column);
      } catch {
        // The name of another column of the list, or of a query around this one.
        return undefined;
      }
    },
    async query(inner) {
      const types = await valueTypes(`${prefix}${inner}`, describe);
      return types?.[0];
    },
  };
  return Promise.all((arm?.items ?? []).map(({ expression }) => expressionType(sql, expression, source)));
}

function valueType({ type }: Column): ValueType | undefined {
  switch (type) {
    case 'TEXT':
    case 'BLOB':
      return 'TEXT';
    case 'DOUBLE':
      return 'DOUBLE';
    case 'UNKNOWN':
      return undefined;
    default:
      return 'BIGINT';
  }
}
