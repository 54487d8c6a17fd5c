import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { generateSecret, generateSigningKeys } from '../../src/auth/keys/key-generation.js';
import type { CleanUp } from './clean-up.js';
import type { DatabaseKind } from './contenders.js';
import type { DatabaseSource } from './databases/bench-database.js';
import { mariaDbSource } from './databases/mariadb.database.js';
import { postgresSource } from './databases/postgres.database.js';
import { sqliteSource, type SqliteDatabase } from './databases/sqlite.database.js';
import { GeneratorProcess } from './generator-process.js';
import { findPinning, type Pinning } from './processors.js';
import { buildPrograms } from './programs.js';

/** What every service under test is configured with. */
export interface ServiceSecrets {
  readonly refreshTokenSecret: string;
  readonly signingKeys: string;
  readonly serviceKey: string;
}

/** What all measurements are made with. */
export interface Rig {
  /** A folder of the run's own, below the system's temporary one. */
  readonly folder: string;
  /** A sentence says why, where the processes share processors. */
  readonly pinning: Pinning | string;
  readonly generator: GeneratorProcess;
  /** Where the built empty handlers are. */
  readonly programs: string;
  readonly secrets: ServiceSecrets;
  readonly sources: Readonly<Record<DatabaseKind, DatabaseSource>> & {
    readonly SQLite: DatabaseSource<SqliteDatabase>;
  };
  /** Where processor profiles are to go. */
  readonly profile: string | undefined;
  readonly cleanUp: CleanUp;
}

/** Makes the folder and starts the generator. */
export async function setUpRig(cleanUp: CleanUp, profile: string | undefined): Promise<Rig> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'refresh-token-bench-')));
  cleanUp.add(() => rm(folder, { recursive: true, force: true }));
  if (profile !== undefined) await mkdir(profile, { recursive: true });
  const pinning = findPinning();
  const generator = await GeneratorProcess.start(typeof pinning === 'string' ? undefined : pinning.generator);
  cleanUp.add(() => generator.stop());
  return {
    folder,
    pinning,
    generator,
    programs: await buildPrograms(folder),
    secrets: {
      refreshTokenSecret: generateSecret(),
      signingKeys: JSON.stringify(generateSigningKeys()),
      serviceKey: generateSecret(),
    },
    sources: {
      SQLite: sqliteSource(folder),
      PostgreSQL: postgresSource(process.env['TEST_POSTGRES_URL'] ?? 'postgres://root@127.0.0.1:5432/postgres'),
      MariaDB: mariaDbSource(process.env['TEST_MARIADB_URL'] ?? 'mysql://root@127.0.0.1:3306/mysql'),
    },
    profile: profile === undefined ? undefined : resolve(profile),
    cleanUp,
  };
}
