import type { EntityTarget, ObjectLiteral } from 'typeorm';
import type { Database } from '../database/database.js';
import type { WrittenTable } from '../database/sql-writes.js';
import type { ParameterTypes, Row, SqlStatement } from '../database/sql-statement.js';
import type { KnownKey } from './key-schedule.js';

const TYPES: ParameterTypes = { id: 'text', now: 'bigint' };

/** The table of one kind of keys: signing keys or secrets. */
export class KeyTable {
  private readonly written: WrittenTable;
  private readonly statements: Record<'list' | 'see' | 'withdraw' | 'use' | 'replaceOthers', SqlStatement>;

  /**
   * @param idColumn the column of the keys' ids
   * @param lock the lock under which instances read and change the table one after the other
   */
  constructor(
    private readonly database: Database,
    entity: EntityTarget<ObjectLiteral> & { name: string },
    idColumn: string,
    private readonly lock: number,
  ) {
    const { dialect } = database;
    const table = database.table(entity);
    this.written = { name: table, key: idColumn, required: [idColumn, 'first_seen_at'] };
    const statement = (template: string) => dialect.compile(template, TYPES);
    this.statements = {
      list: statement(`SELECT ${idColumn} AS id, first_seen_at, used_at, replaced_at, withdrawn_at FROM ${table}`),
      see: statement(
        dialect.upsert(
          this.written,
          { [idColumn]: ':id', first_seen_at: ':now' },
          'first_seen_at = :now, withdrawn_at = NULL',
        ),
      ),
      withdraw: statement(`UPDATE ${table} SET withdrawn_at = :now WHERE ${idColumn} = :id`),
      use: statement(`UPDATE ${table} SET used_at = :now, replaced_at = NULL WHERE ${idColumn} = :id`),
      replaceOthers: statement(
        `UPDATE ${table} SET replaced_at = :now
         WHERE ${idColumn} <> :id AND used_at IS NOT NULL AND replaced_at IS NULL`,
      ),
    };
  }

  /**
   * Runs `work`, which awaits nothing but its statements, in a transaction that no other instance's overlaps.
   * @throws ConfigurationError where the module's tables are missing or old; the database's own errors come through
   */
  exclusively<T>(work: (rows: KeyRows) => Promise<T>): Promise<T> {
    const { list, see, withdraw, use, replaceOthers } = this.statements;
    return this.database.exclusively({ id: this.lock, table: this.written }, (run) =>
      work({
        list: async () => (await run(list)).map(toKnownKey),
        see: async (id, now) => void (await run(see, { id, now })),
        withdraw: async (id, now) => void (await run(withdraw, { id, now })),
        use: async (id, now) => {
          await run(use, { id, now });
          await run(replaceOthers, { id, now });
        },
      }),
    );
  }
}

/** The rows of a {@link KeyTable}, while no other instance looks at them. Times are milliseconds. */
export interface KeyRows {
  list(): Promise<KnownKey[]>;
  /** Notes that the key is new from `now` on. */
  see(id: string, now: number): Promise<void>;
  /** Notes that the key is not configured any more. */
  withdraw(id: string, now: number): Promise<void>;
  /** Notes that the key is used from `now` on, in the place of all others. */
  use(id: string, now: number): Promise<void>;
}

function toKnownKey(row: Row): KnownKey {
  const time = (value: unknown) => (value === null ? null : Number(value));
  return {
    id: String(row['id']),
    firstSeenAt: Number(row['first_seen_at']),
    usedAt: time(row['used_at']),
    replacedAt: time(row['replaced_at']),
    withdrawnAt: time(row['withdrawn_at']),
  };
}
