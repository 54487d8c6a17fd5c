import { describe } from '@jest/globals';
import { isLeftOut, type DatabaseName } from './databases.js';

/**
 * `describe` where a test can make servers of its own. Elsewhere the suite is skipped with one visible line, or fails
 * where databases are required. `TEST_DATABASES` leaves it out, as it does with every suite of a database.
 * @param programs with which the servers are made
 */
export function describeServers(
  database: DatabaseName,
  canBeMade: boolean,
  programs: string,
  what: string,
  suite: () => void,
): void {
  if (isLeftOut(database)) return describe.skip(what, suite);
  if (canBeMade) return describe(what, suite);
  const line = `There are no ${programs} to make servers with`;
  if (process.env['REQUIRE_DATABASES'] === '1') throw new Error(`${line}, and REQUIRE_DATABASES=1 requires them.`);
  process.stderr.write(`\n${line}: "${what}" is skipped.\n`);
  describe.skip(what, suite);
}
