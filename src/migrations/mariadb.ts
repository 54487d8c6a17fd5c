import type { MigrationInterface, QueryRunner } from 'typeorm';
import { AccessTokenKey } from '../auth/key-ring/signing-key.entity.js';
import { quotedTable, tablePath } from '../auth/database/entity-table.js';
import { RefreshTokenSecret } from '../auth/key-ring/token-secret.entity.js';
import { RefreshTokenSession } from '../auth/session/session.entity.js';

/** Texts are equal byte for byte, trailing spaces included, whatever the database's own collation is. */
const TABLE_OPTIONS = 'ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin';

/**
 * The module's tables, on MariaDB. Each change of the schema is a transaction of its own there, so each can be run
 * again: after a crash in the middle, or beside another node of a cluster.
 */
export class CreateRefreshTokens1764000000000 implements MigrationInterface {
  readonly name = 'CreateRefreshTokens1764000000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    const { dataSource } = queryRunner;
    const index = dataSource.namingStrategy.indexName(tablePath(dataSource, RefreshTokenSession), ['subject']);
    // The id is no column of type `uuid`: MariaDB takes only those of a known version, and ours are hashes.
    await queryRunner.query(`
      CREATE TABLE IF NOT EXISTS ${quotedTable(dataSource, RefreshTokenSession)} (
        id varchar(36) NOT NULL PRIMARY KEY,
        subject varchar(255) NOT NULL,
        client_id varchar(255),
        scope text,
        claims text,
        used bigint NOT NULL,
        issued bigint NOT NULL,
        floor bigint NOT NULL,
        created_at bigint NOT NULL,
        last_used_at bigint NOT NULL,
        expires_at bigint NOT NULL,
        revoked_at bigint,
        revoked_reason varchar(32),
        recovered int NOT NULL DEFAULT 0,
        label varchar(100),
        user_agent varchar(512),
        ip varchar(45),
        INDEX ${dataSource.driver.escape(index)} (subject)
      ) ${TABLE_OPTIONS}`);
    for (const [entity, id] of [
      [RefreshTokenSecret, 'fingerprint varchar(16)'],
      [AccessTokenKey, 'key_id varchar(255)'],
    ] as const) {
      await queryRunner.query(`
        CREATE TABLE IF NOT EXISTS ${quotedTable(dataSource, entity)} (
          ${id} NOT NULL PRIMARY KEY,
          first_seen_at bigint NOT NULL,
          used_at bigint,
          replaced_at bigint,
          withdrawn_at bigint
        ) ${TABLE_OPTIONS}`);
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const entity of [AccessTokenKey, RefreshTokenSecret, RefreshTokenSession]) {
      await queryRunner.query(`DROP TABLE IF EXISTS ${quotedTable(queryRunner.dataSource, entity)}`);
    }
  }
}

/** The module's migrations for MariaDB, in their order: for the `migrations` of your DataSource. */
export const mariadbMigrations = [CreateRefreshTokens1764000000000];
