import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { Client } from 'pg';

/**
 * For how long a server may take to answer, in milliseconds. Jest loads this file as CommonJS, where `limit` of
 * `time.ts` can't be imported.
 */
const PATIENCE = Math.min(2 ** 31 - 1, 5_000 * Number(process.env['TEST_TIME_FACTOR']));

/** Where the servers for the tests are looked for; the user must be allowed to create databases. */
const SERVERS = [
  {
    name: 'PostgreSQL',
    variable: 'TEST_POSTGRES_URL',
    url: 'postgres://root@127.0.0.1:5432/postgres',
    version: postgresVersion,
  },
  { name: 'MariaDB', variable: 'TEST_MARIADB_URL', url: 'mysql://root@127.0.0.1:3306/mysql', version: mariadbVersion },
];

/** Finds out once which database servers there are; the suites of a missing one are skipped, with one visible line. */
export default async function globalSetup(): Promise<void> {
  const wanted = process.env['TEST_DATABASES']?.split(',');
  for (const server of SERVERS) {
    if (wanted?.includes(server.name) ?? true) await find(server);
    else delete process.env[server.variable];
  }
}

async function find(server: (typeof SERVERS)[number]): Promise<void> {
  const { name, variable } = server;
  const url = process.env[variable] ?? server.url;
  const reason = await refusal(server, url);
  if (reason === undefined) {
    process.env[variable] = url;
    return;
  }
  delete process.env[variable];
  const line = `${name} does not answer at ${new URL(url).host} (${variable}): ${reason}`;
  if (process.env['REQUIRE_DATABASES'] === '1') throw new Error(`${line}; REQUIRE_DATABASES=1 requires it.`);
  process.stderr.write(`\n${line}: its suites are skipped.\n`);
}

/** Why a server is of no use; `undefined` where it is. */
async function refusal({ name, version }: (typeof SERVERS)[number], url: string): Promise<string | undefined> {
  try {
    const found = await version(url);
    return found.includes(name) ? undefined : `it is ${found}`;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // A host of several addresses fails with an empty message for all.
    return message || String(code);
  }
}

async function postgresVersion(url: string): Promise<string> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: PATIENCE });
  await client.connect();
  try {
    const { rows } = await client.query<{ version: string }>('SELECT version()');
    return String(rows[0]?.version);
  } finally {
    await client.end();
  }
}

async function mariadbVersion(url: string): Promise<string> {
  const connection = await createConnection({ uri: url, connectTimeout: PATIENCE });
  try {
    const [rows] = await connection.query<RowDataPacket[]>('SELECT VERSION() AS version');
    return String(rows[0]?.['version']);
  } finally {
    await connection.end();
  }
}
