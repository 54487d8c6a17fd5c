import type { MigrationInterface, QueryRunner } from 'typeorm';
import { quotedTable } from '../auth/database/entity-table.js';
import { RefreshTokenSession } from '../auth/session/session.entity.js';
import { createRefreshTokenTables, dropRefreshTokenTables } from './create-refresh-token-tables.js';

/** The module's tables, on PostgreSQL. */
export class CreateRefreshTokens1764000000000 implements MigrationInterface {
  readonly name = 'CreateRefreshTokens1764000000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await createRefreshTokenTables(queryRunner, 'uuid');
    // Room on each page for the new version of an updated row: no index is touched by a refresh (HOT).
    const table = quotedTable(queryRunner.dataSource, RefreshTokenSession);
    await queryRunner.query(`ALTER TABLE ${table} SET (fillfactor = 80)`);
  }

  down(queryRunner: QueryRunner): Promise<void> {
    return dropRefreshTokenTables(queryRunner);
  }
}

/** The module's migrations for PostgreSQL, in their order: for the `migrations` of your DataSource. */
export const postgresMigrations = [CreateRefreshTokens1764000000000];
