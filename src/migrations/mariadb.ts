import type { MigrationInterface, QueryRunner } from 'typeorm';
import { AccessTokenKey } from '../auth/key-ring/signing-key.entity.js';
import { quotedTable, tablePath } from '../auth/database/entity-table.js';
import { RefreshTokenSecret } from '../auth/key-ring/token-secret.entity.js';
import { RefreshTokenSession } from '../auth/session/session.entity.js';

/** Texts are equal byte for byte, trailing spaces included, whatever the database's own collation is. */
const TABLE_OPTIONS = 'ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin';

/**
 * The migrations for MariaDB, in their order. A change of the schema is a transaction of its own there, so each can be
 * run again: after a crash in the middle, or beside another node of a cluster.
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
        INDEX ${dataSource.driver.escape(index)} (subject)
      ) ${TABLE_OPTIONS}`);
    await queryRunner.query(`
      CREATE TABLE IF NOT EXISTS ${quotedTable(dataSource, RefreshTokenSecret)} (
        fingerprint varchar(16) NOT NULL PRIMARY KEY,
        first_seen_at bigint NOT NULL,
        minted_at bigint,
        replaced_at bigint
      ) ${TABLE_OPTIONS}`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const entity of [RefreshTokenSecret, RefreshTokenSession]) {
      await queryRunner.query(`DROP TABLE IF EXISTS ${quotedTable(queryRunner.dataSource, entity)}`);
    }
  }
}

/** Adds what is known of a session's device, and the table of published signing keys. No row is rewritten. */
export class AddSessionDetails1764100000000 implements MigrationInterface {
  readonly name = 'AddSessionDetails1764100000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    const { dataSource } = queryRunner;
    // Each has a default or is nullable: instances of the version before go on writing rows during a roll-out.
    await queryRunner.query(`
      ALTER TABLE ${quotedTable(dataSource, RefreshTokenSession)}
        ADD COLUMN IF NOT EXISTS recovered int NOT NULL DEFAULT 0,
        ADD COLUMN IF NOT EXISTS label varchar(100),
        ADD COLUMN IF NOT EXISTS user_agent varchar(512),
        ADD COLUMN IF NOT EXISTS ip varchar(45)`);
    await queryRunner.query(`
      CREATE TABLE IF NOT EXISTS ${quotedTable(dataSource, AccessTokenKey)} (
        key_id varchar(255) NOT NULL PRIMARY KEY,
        first_seen_at bigint NOT NULL
      ) ${TABLE_OPTIONS}`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    const { dataSource } = queryRunner;
    await queryRunner.query(`DROP TABLE IF EXISTS ${quotedTable(dataSource, AccessTokenKey)}`);
    await queryRunner.query(`
      ALTER TABLE ${quotedTable(dataSource, RefreshTokenSession)}
        DROP COLUMN IF EXISTS ip,
        DROP COLUMN IF EXISTS user_agent,
        DROP COLUMN IF EXISTS label,
        DROP COLUMN IF EXISTS recovered`);
  }
}

/** The module's migrations for MariaDB, in their order: for the `migrations` of your DataSource. */
export const mariadbMigrations = [CreateRefreshTokens1764000000000, AddSessionDetails1764100000000];
