import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import type { NewSessions } from '../sessions.js';
import { batches, newName, TABLE, valueOf, type BenchDatabase, type DatabaseSource } from './bench-database.js';

const SETTINGS = ['innodb_buffer_pool_size', 'innodb_flush_log_at_trx_commit', 'log_bin', 'sync_binlog'];

class MariaDbDatabase implements BenchDatabase {
  constructor(
    readonly url: string,
    private readonly server: string,
    private readonly name: string,
  ) {}

  fill(sessions: NewSessions, count: number): Promise<void> {
    return using(this.url, async (connection) => {
      const [rows] = await connection.query<RowDataPacket[]>(`SELECT * FROM ${TABLE}`);
      const like = rows[0] as Record<string, unknown>;
      const columns = Object.keys(like);
      const quoted = columns.map((column) => `\`${column}\``).join(', ');
      await connection.query(`DELETE FROM ${TABLE}`);
      for (const [from, to] of batches(count)) {
        const values = Array.from({ length: to - from }, (_, offset) =>
          columns.map((column) => valueOf(column, like[column], sessions, from + offset)),
        );
        await connection.query(`INSERT INTO ${TABLE} (${quoted}) VALUES ?`, [values]);
      }
      await connection.query(`ANALYZE TABLE ${TABLE}`);
    });
  }

  rows(): Promise<number> {
    return using(this.url, async (connection) => {
      const [rows] = await connection.query<RowDataPacket[]>(`SELECT count(*) AS count FROM ${TABLE}`);
      return Number(rows[0]?.['count']);
    });
  }

  drop(): Promise<void> {
    return using(this.server, async (connection) => {
      await connection.query(`DROP DATABASE IF EXISTS ${this.name}`);
    });
  }
}

/** Databases of a MariaDB server. */
export function mariaDbSource(server: string): DatabaseSource {
  return {
    async create() {
      const name = newName();
      await using(server, (connection) => connection.query(`CREATE DATABASE ${name}`));
      const url = new URL(server);
      url.pathname = `/${name}`;
      return new MariaDbDatabase(url.href, server, name);
    },
    describe() {
      return using(server, async (connection) => {
        const show = async (name: string) => {
          const [rows] = await connection.query<RowDataPacket[]>(`SELECT @@${name} AS value`);
          return String(rows[0]?.['value']);
        };
        const settings: Record<string, string> = {};
        for (const name of SETTINGS) settings[name] = await show(name);
        return { version: `MariaDB ${await show('version')}`, settings };
      });
    },
  };
}

async function using<T>(url: string, work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await createConnection({ uri: url.replace(/^mariadb:/, 'mysql:'), connectTimeout: 5_000 });
  try {
    return await work(connection);
  } finally {
    await connection.end();
  }
}
