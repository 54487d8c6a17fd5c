import type { Row, SqlValue } from './sql-statement.js';

/** The part of mysql2's connection that runs a prepared statement. */
export interface MysqlConnection {
  execute(
    sql: string,
    values: readonly SqlValue[],
    answer: (error: Error | null, result: readonly Row[] | object) => void,
  ): unknown;
}

/**
 * Runs a prepared statement, with the values sent apart from the text. TypeORM would have mysql2 write the values into
 * the text, escaped for one `sql_mode`: in another `sql_mode`, a value could end its own quotes.
 */
export function executePrepared(connection: MysqlConnection, sql: string, values: readonly SqlValue[]): Promise<Row[]> {
  return new Promise((resolve, reject) => {
    connection.execute(sql, values, (error, result) => {
      if (error) reject(error);
      else resolve(Array.isArray(result) ? (result as Row[]) : []);
    });
  });
}
