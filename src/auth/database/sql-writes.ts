import type { Dialect } from './sql-statement.js';

/** A table, as a statement that changes its rows needs to know it. */
export interface WrittenTable {
  /** As it stands in SQL. */
  readonly name: string;
  readonly key: string;
  /** All columns that take no null and have no default, the key among them. */
  readonly required: readonly string[];
}

/** What an UPDATE that returns the rows it changed is made of: templates, in the words that all databases share. */
export interface RowUpdate {
  /** A common table expression that `where` may name. */
  readonly with?: string;
  /** Assigned from left to right on MariaDB, at once elsewhere: what a later one reads must not be set before it. */
  readonly set: string;
  readonly where: string;
  readonly returning: string;
}

/**
 * `UPDATE … RETURNING` in one statement, with the conditions judged on the current row.
 *
 * MariaDB has none. There it is an INSERT of rows that are there already, which becomes their update: they are locked
 * while they are looked up (FOR UPDATE), so nobody changes or removes one in between, and none is ever inserted.
 */
export function updateReturning(dialect: Dialect, table: WrittenTable, update: RowUpdate): string {
  const { name, required } = table;
  const prefix = update.with ? `WITH ${update.with}` : '';
  if (dialect !== 'mariadb') {
    return `${prefix} UPDATE ${name} SET ${update.set} WHERE ${update.where} RETURNING ${update.returning}`;
  }
  // Renamed, so that a name in `set` can only mean the row that is updated.
  const found = required.map((column) => `found_${column}`);
  const renamed = required.map((column, position) => `${column} AS ${found[position]}`);
  return `
    INSERT INTO ${name} (${required.join(', ')})
    ${prefix} SELECT ${found.join(', ')}
    FROM (SELECT ${renamed.join(', ')} FROM ${name} WHERE ${update.where} FOR UPDATE) AS found
    ON DUPLICATE KEY UPDATE ${update.set}
    RETURNING ${update.returning}`;
}

/**
 * An INSERT that does nothing where the key is taken, and returns the row where it inserted one.
 * @param columns a column's name, and its value as a template
 */
export function insertUnlessThere(
  dialect: Dialect,
  { name, key }: Pick<WrittenTable, 'name' | 'key'>,
  columns: Readonly<Record<string, string>>,
  returning: string,
): string {
  const names = Object.keys(columns).join(', ');
  const values = Object.values(columns).join(', ');
  if (dialect !== 'mariadb') {
    return `INSERT INTO ${name} (${names}) VALUES (${values}) ON CONFLICT (${key}) DO NOTHING RETURNING ${returning}`;
  }
  // INSERT IGNORE would cut what is too long. Of two that race, one fails by the key, and finds the row when repeated.
  return `
    INSERT INTO ${name} (${names})
    SELECT ${values} FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM ${name} WHERE ${key} = ${columns[key]})
    RETURNING ${returning}`;
}

/**
 * An INSERT that becomes an update where the key is taken.
 * @param columns a column's name, and its value as a template
 * @param set what is updated then, a template; `existing.` stands before what the row has
 */
export function upsert(
  dialect: Dialect,
  { name, key }: Pick<WrittenTable, 'name' | 'key'>,
  columns: Readonly<Record<string, string>>,
  set: string,
): string {
  const names = Object.keys(columns).join(', ');
  const values = Object.values(columns).join(', ');
  return dialect === 'mariadb'
    ? `INSERT INTO ${name} (${names}) VALUES (${values}) ON DUPLICATE KEY UPDATE ${set.replaceAll('existing.', '')}`
    : `INSERT INTO ${name} AS existing (${names}) VALUES (${values}) ON CONFLICT (${key}) DO UPDATE SET ${set}`;
}
