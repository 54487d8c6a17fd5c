/** The type of a parameter. Without one, PostgreSQL would take the parameter in `$1 + 1` for an int4. */
export type ParameterType = 'bigint' | 'uuid' | 'text' | 'bigint[]' | 'uuid[]' | 'text[]';

export type SqlValue = string | number | null | readonly (string | number | null)[];

export type Row = Record<string, unknown>;

/** One statement, compiled for one database: its text, and the order in which it takes its parameters. */
export interface SqlStatement {
  readonly sql: string;
  readonly order: readonly string[];
}

/** Runs one statement with the values of its parameters, and returns its rows. */
export type RunStatement = (statement: SqlStatement, values?: Record<string, SqlValue>) => Promise<Row[]>;

/** The type of each parameter of a template, by the parameter's name. */
export type ParameterTypes = Readonly<Record<string, ParameterType>>;

/**
 * Replaces each `:named` parameter of a template by the text that `write` returns.
 * @throws Error where a parameter has no type
 */
export function replaceParameters(
  template: string,
  types: ParameterTypes,
  write: (name: string, type: ParameterType) => string,
): string {
  return template.replace(/:([a-z_]+)/g, (_, name: string) => {
    const type = types[name];
    if (!type) throw new Error(`The statement has no type for its parameter :${name}.`);
    return write(name, type);
  });
}

/** Compiles a template for a database that writes every parameter as `?` and takes one value for each. */
export function compilePositional(template: string, types: ParameterTypes): SqlStatement {
  const order: string[] = [];
  const sql = replaceParameters(template, types, (name) => {
    order.push(name);
    return '?';
  });
  return { sql, order };
}

/** The values of a statement's parameters, in its order. */
export function bind(statement: SqlStatement, values: Record<string, SqlValue>): SqlValue[] {
  return statement.order.map((name) => {
    const value = values[name];
    if (value === undefined) throw new Error(`The statement was given no value for :${name}.`);
    return value;
  });
}
