import { existsSync } from 'node:fs';
import type { DataSource } from 'typeorm';
import { ConfigurationError } from '../../auth/auth.errors.js';
import { isOnServer, nameOf, sqliteIn } from '../database/database-url.js';
import { connect } from '../database/data-source.js';
import type { Environment } from '../config/environment.js';

/**
 * Connects to the service's database and runs `work` on it. The database is neither created nor migrated.
 * @param work takes the connected DataSource, and the database's name for messages, without a password
 * @throws ConfigurationError where the SQLite file doesn't exist, or the server doesn't answer
 */
export async function withSessionDatabase<T>(
  { database, dataDir }: Environment,
  work: (dataSource: DataSource, name: string) => Promise<T>,
): Promise<T> {
  const location = database ?? sqliteIn(dataDir);
  if (!isOnServer(location) && !existsSync(location.path)) {
    throw new ConfigurationError(
      `DATABASE_URL: got the SQLite file ${JSON.stringify(location.path)}, which is not there; takes the database of the service.`,
    );
  }
  const dataSource = await connect(location);
  try {
    return await work(dataSource, nameOf(location));
  } finally {
    await dataSource.destroy();
  }
}
