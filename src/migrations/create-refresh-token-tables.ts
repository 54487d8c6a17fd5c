import { Table, type QueryRunner } from 'typeorm';
import { AccessTokenKey } from '../auth/key-ring/signing-key.entity.js';
import { tablePath } from '../auth/database/entity-table.js';
import { RefreshTokenSecret } from '../auth/key-ring/token-secret.entity.js';
import { RefreshTokenSession } from '../auth/session/session.entity.js';

/**
 * Creates the module's tables where the host's schema and prefix have them. Columns are spelled out: a migration is history.
 * @param idType what TypeORM makes of the entity's `uuid` on this database
 */
export async function createRefreshTokenTables(queryRunner: QueryRunner, idType: 'uuid' | 'varchar'): Promise<void> {
  await queryRunner.createTable(
    new Table({
      name: tablePath(queryRunner.dataSource, RefreshTokenSession),
      columns: [
        { name: 'id', type: idType, isPrimary: true },
        { name: 'subject', type: 'varchar', length: '255' },
        { name: 'client_id', type: 'varchar', length: '255', isNullable: true },
        { name: 'scope', type: 'text', isNullable: true },
        { name: 'claims', type: 'text', isNullable: true },
        { name: 'used', type: 'bigint' },
        { name: 'issued', type: 'bigint' },
        { name: 'floor', type: 'bigint' },
        { name: 'created_at', type: 'bigint' },
        { name: 'last_used_at', type: 'bigint' },
        { name: 'expires_at', type: 'bigint' },
        { name: 'revoked_at', type: 'bigint', isNullable: true },
        { name: 'revoked_reason', type: 'varchar', length: '32', isNullable: true },
        { name: 'recovered', type: 'integer', default: 0 },
        { name: 'label', type: 'varchar', length: '100', isNullable: true },
        { name: 'user_agent', type: 'varchar', length: '512', isNullable: true },
        { name: 'ip', type: 'varchar', length: '45', isNullable: true },
      ],
      indices: [{ columnNames: ['subject'] }],
    }),
  );
  await createKeyTable(queryRunner, RefreshTokenSecret, 'fingerprint', '16');
  await createKeyTable(queryRunner, AccessTokenKey, 'key_id', '255');
}

/** Takes the module's tables away, and every session with them. */
export async function dropRefreshTokenTables(queryRunner: QueryRunner): Promise<void> {
  for (const entity of [AccessTokenKey, RefreshTokenSecret, RefreshTokenSession]) {
    await queryRunner.dropTable(tablePath(queryRunner.dataSource, entity));
  }
}

async function createKeyTable(
  queryRunner: QueryRunner,
  entity: typeof RefreshTokenSecret | typeof AccessTokenKey,
  idColumn: string,
  idLength: string,
): Promise<void> {
  await queryRunner.createTable(
    new Table({
      name: tablePath(queryRunner.dataSource, entity),
      columns: [
        { name: idColumn, type: 'varchar', length: idLength, isPrimary: true },
        { name: 'first_seen_at', type: 'bigint' },
        { name: 'used_at', type: 'bigint', isNullable: true },
        { name: 'replaced_at', type: 'bigint', isNullable: true },
        { name: 'withdrawn_at', type: 'bigint', isNullable: true },
      ],
    }),
  );
}
