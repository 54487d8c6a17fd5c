import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createRefreshTokenTables, dropRefreshTokenTables } from './create-refresh-token-tables.js';

/** The module's tables, on SQLite. */
export class CreateRefreshTokens1764000000000 implements MigrationInterface {
  readonly name = 'CreateRefreshTokens1764000000000';

  up(queryRunner: QueryRunner): Promise<void> {
    return createRefreshTokenTables(queryRunner, 'varchar');
  }

  down(queryRunner: QueryRunner): Promise<void> {
    return dropRefreshTokenTables(queryRunner);
  }
}

/** The module's migrations for SQLite, in their order: for the `migrations` of your DataSource. */
export const sqliteMigrations = [CreateRefreshTokens1764000000000];
