import type { MigrationInterface, QueryRunner } from 'typeorm';
import { AddSessionDetails1764100000000 } from './add-session-details.js';
import { createRefreshTokenTables, dropRefreshTokenTables } from './create-refresh-token-tables.js';

/** The migrations for CockroachDB, in their order. */
export class CreateRefreshTokens1764000000000 implements MigrationInterface {
  readonly name = 'CreateRefreshTokens1764000000000';

  up(queryRunner: QueryRunner): Promise<void> {
    return createRefreshTokenTables(queryRunner, 'uuid');
  }

  down(queryRunner: QueryRunner): Promise<void> {
    return dropRefreshTokenTables(queryRunner);
  }
}

export const cockroachMigrations = [CreateRefreshTokens1764000000000, AddSessionDetails1764100000000];
