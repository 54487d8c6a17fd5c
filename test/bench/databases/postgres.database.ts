import { Client } from 'pg';
import type { NewSessions } from '../sessions.js';
import { batches, newName, TABLE, type BenchDatabase, type DatabaseSource } from './bench-database.js';

const SETTINGS = ['fsync', 'full_page_writes', 'shared_buffers', 'synchronous_commit'];

class PostgresDatabase implements BenchDatabase {
  constructor(
    readonly url: string,
    private readonly server: string,
    private readonly name: string,
  ) {}

  fill(sessions: NewSessions, count: number): Promise<void> {
    return using(this.url, async (client) => {
      const { rows } = await client.query<Record<string, unknown>>(`SELECT * FROM ${TABLE}`);
      const like = rows[0] as Record<string, unknown>;
      const columns = Object.keys(like);
      const values = columns.map((column) => {
        if (column === 'id' || column === 'subject') return `new.${column}`;
        if (column === 'floor') return '$3::bigint - 1';
        return column === 'issued' ? '$3::bigint' : `like_it.${column}`;
      });
      const insert = `INSERT INTO ${TABLE} (${columns.join(', ')}) SELECT ${values.join(', ')}
        FROM unnest($1::uuid[], $2::text[]) AS new (id, subject), ${TABLE} AS like_it WHERE like_it.id = $4`;
      for (const [from, to] of batches(count)) {
        const [ids, subjects] = [sessions.ids.slice(from, to), sessions.subjects.slice(from, to)];
        await client.query(insert, [ids, subjects, sessions.number, like['id']]);
      }
      await client.query(`DELETE FROM ${TABLE} WHERE id = $1`, [like['id']]);
      await client.query(`VACUUM (ANALYZE) ${TABLE}`);
    });
  }

  rows(): Promise<number> {
    return using(this.url, async (client) => {
      const { rows } = await client.query<{ count: string }>(`SELECT count(*) FROM ${TABLE}`);
      return Number(rows[0]?.count);
    });
  }

  drop(): Promise<void> {
    return using(this.server, async (client) => {
      await client.query(`DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`);
    });
  }
}

/** Databases of a PostgreSQL server. */
export function postgresSource(server: string): DatabaseSource {
  return {
    async create() {
      const name = newName();
      await using(server, (client) => client.query(`CREATE DATABASE ${name}`));
      const url = new URL(server);
      url.pathname = `/${name}`;
      return new PostgresDatabase(url.href, server, name);
    },
    describe() {
      return using(server, async (client) => {
        const show = async (name: string) => String(Object.values((await client.query(`SHOW ${name}`)).rows[0])[0]);
        const settings: Record<string, string> = {};
        for (const name of SETTINGS) settings[name] = await show(name);
        return { version: `PostgreSQL ${await show('server_version')}`, settings };
      });
    },
  };
}

async function using<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
