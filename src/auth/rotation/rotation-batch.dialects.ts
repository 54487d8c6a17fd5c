import type { Dialect } from '../database/dialect.js';
import type { WrittenTable } from '../database/sql-writes.js';
import { rotationBatchOnMariadb } from './rotation-batch.mariadb.js';
import { rotationBatchOnPostgres } from './rotation-batch.postgres.js';
import type { RotationBatchStatement } from './rotation-batch.statement.js';
import type { RotationTemplates } from './rotation.statement.js';

type MakeBatchStatement = (
  dialect: Dialect,
  table: WrittenTable,
  rotation: RotationTemplates,
  columns: string,
) => RotationBatchStatement;

/** The databases on which a batch pays, by their dialect's name. On SQLite, one by one is as fast. */
const MAKERS: Readonly<Record<string, MakeBatchStatement>> = {
  postgres: rotationBatchOnPostgres,
  mariadb: rotationBatchOnMariadb,
};

/**
 * The statement that rotates several sessions at once; `undefined` where one by one is as fast.
 * @param columns the columns that are returned of each row
 */
export function rotationBatchStatement(
  dialect: Dialect,
  table: WrittenTable,
  rotation: RotationTemplates,
  columns: string,
): RotationBatchStatement | undefined {
  return MAKERS[dialect.name]?.(dialect, table, rotation, columns);
}
