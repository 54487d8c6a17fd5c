import { describe } from '@jest/globals';

/**
 * `describe` where servers of a test's own can be made; elsewhere it is skipped, with one visible line, or fails where
 * databases are required.
 * @param programs what they are made with
 */
export function describeServers(canBeMade: boolean, programs: string, what: string, suite: () => void): void {
  if (canBeMade) return describe(what, suite);
  const line = `There are no ${programs} to make servers with`;
  if (process.env['REQUIRE_DATABASES'] === '1') throw new Error(`${line}, and REQUIRE_DATABASES=1 requires them.`);
  process.stderr.write(`\n${line}: "${what}" is skipped.\n`);
  describe.skip(what, suite);
}
