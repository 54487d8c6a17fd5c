import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Client } from 'pg';
import { onMariadb, type TestDatabase } from './databases.js';

/** Everything that a thief of the database would hold: its files' bytes, or every row of every table. */
export async function dump({ url }: TestDatabase): Promise<Buffer> {
  if (url.startsWith('sqlite:')) return dumpFiles(url.slice('sqlite:'.length));
  return url.startsWith('mysql:') ? dumpMariadb(url) : dumpPostgres(url);
}

/** The file, its log and its index. */
async function dumpFiles(path: string): Promise<Buffer> {
  const names = (await readdir(dirname(path))).filter((name) => name.startsWith(basename(path)));
  return Buffer.concat(await Promise.all(names.map((name) => readFile(join(dirname(path), name)))));
}

async function dumpPostgres(url: string): Promise<Buffer> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ path: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS path FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const contents: unknown[] = [];
    for (const { path } of rows) contents.push((await client.query(`SELECT * FROM ${path}`)).rows);
    return Buffer.from(JSON.stringify(contents));
  } finally {
    await client.end();
  }
}

async function dumpMariadb(url: string): Promise<Buffer> {
  const tables = await onMariadb(
    url,
    'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()',
  );
  const contents: unknown[] = [];
  for (const { name } of tables) contents.push(await onMariadb(url, `SELECT * FROM \`${String(name)}\``));
  return Buffer.from(JSON.stringify(contents));
}
