/** The parts of a table that a statement needs to know to change rows. */
export interface WrittenTable {
  /** The name as it stands in SQL: quoted, with its schema. */
  readonly name: string;
  readonly key: string;
  /** All columns that take no null and have no default, the key among them. */
  readonly required: readonly string[];
}

/** The parts of an UPDATE that returns the rows it changed: templates, in SQL that all databases share. */
export interface RowUpdate {
  /** A common table expression that `where` may name. */
  readonly with?: string;
  /** Assigned from left to right on some databases, at once on others: set nothing that a later assignment reads. */
  readonly set: string;
  readonly where: string;
  readonly returning: string;
}

/** Writes whose syntax differs between databases. Each method returns a template. */
export interface SqlWrites {
  /** `UPDATE … RETURNING` in one statement, with the conditions judged on the current row. */
  updateReturning(table: WrittenTable, update: RowUpdate): string;
  /**
   * An INSERT that does nothing where the key is taken, and returns the row where it inserted one.
   * @param columns a column's name, and its value as a template
   */
  insertUnlessThere(
    table: Pick<WrittenTable, 'name' | 'key'>,
    columns: Readonly<Record<string, string>>,
    returning: string,
  ): string;
  /**
   * An INSERT that becomes an update where the key is taken.
   * @param columns a column's name, and its value as a template
   * @param set the assignments of that update, a template; `existing.` stands before the columns of the row
   */
  upsert(table: Pick<WrittenTable, 'name' | 'key'>, columns: Readonly<Record<string, string>>, set: string): string;
}

/** The writes of databases that know `UPDATE … RETURNING` and `INSERT … ON CONFLICT`. */
export const ON_CONFLICT_WRITES: SqlWrites = {
  updateReturning({ name }, { with: before, set, where, returning }) {
    const prefix = before ? `WITH ${before}` : '';
    return `${prefix} UPDATE ${name} SET ${set} WHERE ${where} RETURNING ${returning}`;
  },

  insertUnlessThere({ name, key }, columns, returning) {
    const { names, values } = listed(columns);
    return `INSERT INTO ${name} (${names}) VALUES (${values}) ON CONFLICT (${key}) DO NOTHING RETURNING ${returning}`;
  },

  upsert({ name, key }, columns, set) {
    const { names, values } = listed(columns);
    return `INSERT INTO ${name} AS existing (${names}) VALUES (${values}) ON CONFLICT (${key}) DO UPDATE SET ${set}`;
  },
};

/** The columns of an INSERT and their values, as they stand in SQL. */
export function listed(columns: Readonly<Record<string, string>>): { names: string; values: string } {
  return { names: Object.keys(columns).join(', '), values: Object.values(columns).join(', ') };
}
