import { connect } from 'node:net';

/** Where a PostgreSQL server for the tests is looked for; the user must be allowed to create databases. */
const DEFAULT_URL = 'postgres://root@127.0.0.1:5432/postgres';

/** Finds out once which database servers there are; the suites of a missing one are skipped, with one visible line. */
export default async function globalSetup(): Promise<void> {
  const url = process.env['TEST_POSTGRES_URL'] ?? DEFAULT_URL;
  if (await answers(new URL(url))) {
    process.env['TEST_POSTGRES_URL'] = url;
    return;
  }
  delete process.env['TEST_POSTGRES_URL'];
  const line = `PostgreSQL does not answer at ${new URL(url).host} (TEST_POSTGRES_URL)`;
  if (process.env['REQUIRE_DATABASES'] === '1') throw new Error(`${line}, and REQUIRE_DATABASES=1 requires it.`);
  process.stderr.write(`\n${line}: its suites are skipped.\n`);
}

function answers({ hostname, port }: URL): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(port || 5432), hostname);
    const end = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(2_000, () => end(false));
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}
