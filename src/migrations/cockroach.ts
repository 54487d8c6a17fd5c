import type { MigrationInterface, QueryRunner } from 'typeorm';
import { AddSessionDetails1764100000000 } from './add-session-details.js';
import { createRefreshTokenTables, dropRefreshTokenTables } from './create-refresh-token-tables.js';

/** The first tables, on CockroachDB. */
export class CreateRefreshTokens1764000000000 implements MigrationInterface {
  readonly name = 'CreateRefreshTokens1764000000000';

  up(queryRunner: QueryRunner): Promise<void> {
    return createRefreshTokenTables(queryRunner, 'uuid');
  }

  down(queryRunner: QueryRunner): Promise<void> {
    return dropRefreshTokenTables(queryRunner);
  }
}

/** The module's migrations for CockroachDB, in their order: for the `migrations` of your DataSource. */
export const cockroachMigrations = [CreateRefreshTokens1764000000000, AddSessionDetails1764100000000];
