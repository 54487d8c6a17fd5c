import { connect } from 'node:net';

/** Where the servers for the tests are looked for; the user must be allowed to create databases. */
const SERVERS = [
  { name: 'PostgreSQL', variable: 'TEST_POSTGRES_URL', url: 'postgres://root@127.0.0.1:5432/postgres', port: 5432 },
  { name: 'MariaDB', variable: 'TEST_MARIADB_URL', url: 'mysql://root@127.0.0.1:3306/mysql', port: 3306 },
];

/** Finds out once which database servers there are; the suites of a missing one are skipped, with one visible line. */
export default async function globalSetup(): Promise<void> {
  for (const server of SERVERS) await find(server);
}

async function find({ name, variable, url: fallback, port }: (typeof SERVERS)[number]): Promise<void> {
  const url = process.env[variable] ?? fallback;
  if (await answers(new URL(url), port)) {
    process.env[variable] = url;
    return;
  }
  delete process.env[variable];
  const line = `${name} does not answer at ${new URL(url).host} (${variable})`;
  if (process.env['REQUIRE_DATABASES'] === '1') throw new Error(`${line}, and REQUIRE_DATABASES=1 requires it.`);
  process.stderr.write(`\n${line}: its suites are skipped.\n`);
}

function answers({ hostname, port }: URL, standardPort: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(port || standardPort), hostname);
    const end = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(2_000, () => end(false));
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}
