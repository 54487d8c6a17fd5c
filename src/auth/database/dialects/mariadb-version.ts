import type { DataSource } from 'typeorm';
import { ConfigurationError } from '../../auth.errors.js';

/** The oldest MariaDB whose SQL suffices, of those that are maintained. */
const OLDEST = [10, 6] as const;

/**
 * Refuses a server that speaks MySQL's protocol and isn't a MariaDB whose SQL the statements are written in.
 * @param source the option or variable that the message names
 * @throws ConfigurationError in one line
 * @throws the driver's error where the server doesn't answer
 */
export async function refuseUnfitMariadb(dataSource: DataSource, source: string): Promise<void> {
  const [row] = await dataSource.query<{ version: string }[]>('SELECT VERSION() AS version');
  const version = String(row?.version);
  if (isFit(version)) return;
  const name = /mariadb/i.test(version) ? 'MariaDB' : 'MySQL';
  throw new ConfigurationError(
    `${source}: got a server of ${name} ${version}, takes MariaDB ${OLDEST.join('.')} or newer: MySQL has no INSERT … RETURNING.`,
  );
}

function isFit(version: string): boolean {
  // MariaDB 10 told older drivers a version that begins with 5.5.5.
  const [, major, minor] = /^(?:5\.5\.5-)?(\d+)\.(\d+)\S*mariadb/i.exec(version) ?? [];
  const [oldestMajor, oldestMinor] = OLDEST;
  return Number(major) > oldestMajor || (Number(major) === oldestMajor && Number(minor) >= oldestMinor);
}
