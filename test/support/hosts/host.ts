import type { DynamicModule, INestApplication, LoggerService, ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import {
  mariadbEntities,
  mariadbMigrations,
  postgresMigrations,
  refreshTokenEntities,
  sqliteMigrations,
  type AuthModuleOptions,
} from 'nest-refresh-token';
import { generateSigningKeys } from '../../../src/auth/keys/key-generation.js';
import type { TestDatabase } from '../databases/databases.js';
import { hostAdapter } from '../servers/http-adapter.js';
import { listen } from '../http/listen.js';

/** An app that uses the module, listening on a free port. */
export interface Host {
  readonly url: string;
  readonly app: INestApplication;
}

/** Options a host can run with: ES256, everything else as it comes. */
export function hostOptions(): AuthModuleOptions {
  return {
    refreshToken: { secrets: ['refresh-token-secret-of-a-host-0123456789'] },
    accessToken: { issuer: 'https://app.example.com', keys: generateSigningKeys() },
  };
}

/** A host's DataSource on SQLite, with the module's tables. */
export function sqlite({ url }: TestDatabase, options: Partial<TypeOrmModuleOptions> = {}): DynamicModule {
  return TypeOrmModule.forRoot({
    type: 'better-sqlite3',
    database: url.replace('sqlite:', ''),
    entities: refreshTokenEntities,
    migrations: sqliteMigrations,
    migrationsRun: true,
    retryAttempts: 0,
    logger: 'debug',
    ...options,
  } as TypeOrmModuleOptions);
}

/** A host's DataSource with the module's tables, on any kind of database. */
export function dataSourceOn(database: TestDatabase, options: Partial<TypeOrmModuleOptions> = {}): DynamicModule {
  if (database.url.startsWith('sqlite:')) return sqlite(database, options);
  const kind = database.url.startsWith('mysql:')
    ? { type: 'mariadb', entities: mariadbEntities, migrations: mariadbMigrations }
    : { type: 'postgres', entities: refreshTokenEntities, migrations: postgresMigrations };
  return TypeOrmModule.forRoot({
    ...kind,
    url: database.url,
    migrationsRun: true,
    retryAttempts: 0,
    ...options,
  } as TypeOrmModuleOptions);
}

const silent: LoggerService = { log: () => {}, error: () => {}, warn: () => {} };

/** Starts an app of these parts. An app that refuses to start is closed, so that its DataSource keeps no connection. */
export async function startHost(
  metadata: ModuleMetadata,
  configure: (app: INestApplication) => unknown = () => {},
): Promise<Host> {
  const module = await Test.createTestingModule(metadata).setLogger(silent).compile();
  const app = module.createNestApplication(hostAdapter());
  try {
    await configure(app);
    return { app, url: await listen(app) };
  } catch (error) {
    await app.close();
    throw error;
  }
}
