import type { DataSource } from 'typeorm';

/** The databases the store speaks. */
export type Dialect = 'sqlite' | 'postgres' | 'mariadb' | 'cockroach';

/** The type a parameter is sent as. PostgreSQL would take `$1 + 1` for an int4 otherwise. */
export type ParameterType = 'bigint' | 'uuid' | 'text' | 'bigint[]' | 'uuid[]' | 'text[]';

export type SqlValue = string | number | null | readonly (string | number | null)[];

export type Row = Record<string, unknown>;

/** One statement, compiled for one database: its text, and the order in which it takes its parameters. */
export interface SqlStatement {
  readonly sql: string;
  readonly order: readonly string[];
}

/** The dialect of a DataSource, or `undefined` where the store doesn't speak it. */
export function dialectOf(dataSource: DataSource): Dialect | undefined {
  switch (dataSource.options.type) {
    case 'better-sqlite3':
      return 'sqlite';
    case 'postgres':
      return 'postgres';
    case 'mariadb':
    case 'mysql':
      return 'mariadb';
    case 'cockroachdb':
      return 'cockroach';
    default:
      return undefined;
  }
}

/**
 * Compiles a template with `:named` parameters for one database.
 * @param types the type of each parameter of the template
 */
export function compile(dialect: Dialect, template: string, types: Record<string, ParameterType>): SqlStatement {
  const order: string[] = [];
  const sql = template.replace(/:([a-z_]+)/g, (_, name: string) => {
    const type = types[name];
    if (!type) throw new Error(`The statement has no type for its parameter :${name}.`);
    if (dialect === 'sqlite' || dialect === 'mariadb') {
      order.push(name);
      return '?';
    }
    if (!order.includes(name)) order.push(name);
    return `$${order.indexOf(name) + 1}::${type}`;
  });
  return { sql: dialect === 'sqlite' ? inSqlite(sql) : sql, order };
}

/** SQLite's two-argument MAX and MIN are what the standard calls GREATEST and LEAST. */
function inSqlite(sql: string): string {
  return sql.replaceAll('GREATEST(', 'MAX(').replaceAll('LEAST(', 'MIN(');
}

/** The values of a statement's parameters, in its order. */
export function bind(statement: SqlStatement, values: Record<string, SqlValue>): SqlValue[] {
  return statement.order.map((name) => {
    const value = values[name];
    if (value === undefined) throw new Error(`The statement was given no value for :${name}.`);
    return value;
  });
}
