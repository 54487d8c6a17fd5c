import { Table, type MigrationInterface, type QueryRunner } from 'typeorm';
import { AccessTokenKey } from '../auth/key-ring/signing-key.entity.js';
import { quotedTable, tablePath } from '../auth/database/entity-table.js';
import { RefreshTokenSession } from '../auth/session/session.entity.js';

/** Each has a default or is nullable: instances of the version before go on writing rows during a roll-out. */
const COLUMNS: readonly (readonly [name: string, definition: string])[] = [
  ['recovered', 'integer NOT NULL DEFAULT 0'],
  ['label', 'varchar(100)'],
  ['user_agent', 'varchar(512)'],
  ['ip', 'varchar(45)'],
];

/** Adds what is known of a session's device, and the table of published signing keys. No row is rewritten. */
export class AddSessionDetails1764100000000 implements MigrationInterface {
  readonly name = 'AddSessionDetails1764100000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    const { driver } = queryRunner.dataSource;
    const table = quotedTable(queryRunner.dataSource, RefreshTokenSession);
    for (const [name, definition] of COLUMNS) {
      await queryRunner.query(`ALTER TABLE ${table} ADD COLUMN ${driver.escape(name)} ${definition}`);
    }
    await queryRunner.createTable(
      new Table({
        name: tablePath(queryRunner.dataSource, AccessTokenKey),
        columns: [
          { name: 'key_id', type: 'varchar', length: '255', isPrimary: true },
          { name: 'first_seen_at', type: 'bigint' },
        ],
      }),
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    const { driver } = queryRunner.dataSource;
    await queryRunner.dropTable(tablePath(queryRunner.dataSource, AccessTokenKey));
    const table = quotedTable(queryRunner.dataSource, RefreshTokenSession);
    for (const [name] of COLUMNS.toReversed()) {
      await queryRunner.query(`ALTER TABLE ${table} DROP COLUMN ${driver.escape(name)}`);
    }
  }
}
