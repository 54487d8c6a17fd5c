import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Client } from 'pg';
import type { TestDatabase } from './databases.js';

/** Everything that a thief of the database would hold: its files' bytes, or every row of every table. */
export async function dump({ url }: TestDatabase): Promise<Buffer> {
  return url.startsWith('sqlite:') ? dumpFiles(url.slice('sqlite:'.length)) : dumpTables(url);
}

/** The file, its log and its index. */
async function dumpFiles(path: string): Promise<Buffer> {
  const names = (await readdir(dirname(path))).filter((name) => name.startsWith(basename(path)));
  return Buffer.concat(await Promise.all(names.map((name) => readFile(join(dirname(path), name)))));
}

async function dumpTables(url: string): Promise<Buffer> {
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
