import { afterEach, describe, expect, it } from '@jest/globals';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  AuthModule,
  ConfigurationError,
  mariadbEntities,
  mariadbMigrations,
  refreshTokenEntities,
} from 'nest-refresh-token';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { createDatabase, describeMariadb } from '../support/databases/databases.js';
import { connect, openDatabase } from '../support/databases/service-database.js';
import { hostOptions, startHost, type Host } from '../support/hosts/host.js';
import { PretendedMysql } from '../support/databases/pretended-mysql.js';

async function refusalOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConfigurationError);
  return (error as ConfigurationError).message;
}

const opened: DataSource[] = [];

/** What a start that was refused has left open, too. */
async function closeAll(): Promise<void> {
  const dataSources = opened.splice(0).filter(({ isInitialized }) => isInitialized);
  await Promise.all(dataSources.map((dataSource) => dataSource.destroy()));
}

/** An app whose DataSource is of that type, at that address. */
function host(type: 'mysql' | 'mariadb', url: string, more: object = {}): Promise<Host> {
  const dataSource = TypeOrmModule.forRootAsync({
    useFactory: () => ({ type, url, entities: mariadbEntities, retryAttempts: 0, ...more }),
    dataSourceFactory: async (options) => {
      const made = new DataSource(options as DataSourceOptions);
      opened.push(made);
      return made.initialize();
    },
  });
  return startHost({ imports: [dataSource, AuthModule.forRoot(hostOptions())] });
}

describe('A server of MySQL’s protocol whose SQL does not suffice is told in one line, at once:', () => {
  let server: PretendedMysql;

  afterEach(async () => {
    await closeAll();
    await server.close();
  });

  it.each([
    ['8.0.36', 'MySQL 8.0.36'],
    ['8.4.3-commercial', 'MySQL 8.4.3-commercial'],
    ['10.5.29-MariaDB-log', 'MariaDB 10.5.29-MariaDB-log'],
    ['5.5.5-10.4.2-MariaDB', 'MariaDB 5.5.5-10.4.2-MariaDB'],
  ])('%s', async (version, name) => {
    server = await PretendedMysql.ofVersion(version);
    const reason = `got a server of ${name}, takes MariaDB 10.6 or newer: MySQL has no INSERT … RETURNING.`;
    expect(await refusalOf(openDatabase(server.url))).toBe(`DATABASE_URL: ${reason}`);
    expect(await refusalOf(connect(server.url))).toBe(`DATABASE_URL: ${reason}`);
    expect(await refusalOf(host('mysql', server.url))).toBe(`dataSource: ${reason}`);
    expect(await refusalOf(host('mariadb', server.url))).toBe(`dataSource: ${reason}`);
  });
});

describeMariadb('A host on MariaDB', () => {
  afterEach(closeAll);

  it.each(['mysql', 'mariadb'] as const)('may call its DataSource "%s"', async (type) => {
    const database = await createDatabase('MariaDB');
    try {
      const { app } = await host(type, database.url, { migrations: mariadbMigrations, migrationsRun: true });
      await app.close();
    } finally {
      await database.drop();
    }
  });

  it('with the entities of other databases is told which ones to take', async () => {
    const database = await createDatabase('MariaDB');
    try {
      const options = { entities: refreshTokenEntities, migrations: mariadbMigrations, migrationsRun: true };
      expect(await refusalOf(host('mariadb', database.url, options))).toBe(
        'dataSource: got "...refreshTokenEntities" among the "entities" of a DataSource of type "mariadb", takes "...mariadbEntities".',
      );
    } finally {
      await database.drop();
    }
  });
});
