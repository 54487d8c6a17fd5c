import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Injectable, Module, Post, type DynamicModule, type ModuleMetadata } from '@nestjs/common';
import { PassportModule } from '@nestjs/passport';
import { Test } from '@nestjs/testing';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose';
import {
  AuthModule,
  Clock,
  ConfigurationError,
  LogoutController,
  refreshTokenEntities,
  RefreshTokenController,
  RefreshTokenService,
  type AuthModuleOptions,
  type IssuedSession,
} from 'nest-refresh-token';
import { DataSource } from 'typeorm';
import { createDatabase, describeOnEachDatabase, type TestDatabase } from '../support/databases/databases.js';
import { hostOptions, sqlite, startHost, type Host } from '../support/hosts/host.js';
import { call, logout, refresh, refreshed } from '../support/http/http.js';
import { dataSourceOn } from '../support/hosts/host.js';
import { hostAdapter } from '../support/servers/http-adapter.js';
import { listen } from '../support/http/listen.js';
import { DAY, SECOND, TestClock } from '../support/test-clock.js';

const HS256 = { algorithm: 'HS256' as const, secret: 'the secret the host has always signed with' };

/** The shortest login there is: everybody is Alice. */
@Controller('login')
class LoginController {
  constructor(private readonly refreshTokens: RefreshTokenService) {}

  @Post()
  login(): Promise<IssuedSession> {
    return this.refreshTokens.issue({ subject: 'alice' });
  }
}

@Injectable()
class Settings {
  readonly options = hostOptions();

  createAuthOptions(): AuthModuleOptions {
    return this.options;
  }
}

@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

/** A module that has nothing to do with the one that imports AuthModule. */
@Module({ controllers: [LoginController] })
class LoginModule {}

describe('A host', () => {
  let database: TestDatabase;
  let host: Host | undefined;

  beforeEach(async () => {
    database = await createDatabase('SQLite');
  });

  afterEach(async () => {
    await host?.app.close();
    host = undefined;
    await database.drop();
  });

  async function start(...imports: NonNullable<ModuleMetadata['imports']>): Promise<Host> {
    host = await startHost({ imports: [sqlite(database), ...imports] });
    return host;
  }

  it('on SQLite needs the DataSource, the module, and one call at its login', async () => {
    host = await startHost({
      imports: [sqlite(database), AuthModule.forRoot(hostOptions())],
      controllers: [LoginController],
    });
    const login = await call(`${host.url}/login`);
    const { refresh_token } = JSON.parse(login.text) as IssuedSession;
    const { access_token } = await refreshed(host.url, refresh_token);

    const keys = await call(`${host.url}/.well-known/jwks.json`, { method: 'GET' });
    const verifier = createLocalJWKSet(JSON.parse(keys.text) as JSONWebKeySet);
    const issuer = 'https://app.example.com';
    const { payload } = await jwtVerify(access_token, verifier, { issuer, audience: issuer, typ: 'at+jwt' });
    expect(payload.sub).toBe('alice');
  });

  it.each<[string, () => DynamicModule]>([
    [
      'useFactory',
      () =>
        AuthModule.forRootAsync({
          imports: [SettingsModule],
          inject: [Settings],
          useFactory: ({ options }: Settings) => options,
        }),
    ],
    ['a promise from useFactory', () => AuthModule.forRootAsync({ useFactory: async () => hostOptions() })],
    ['useClass', () => AuthModule.forRootAsync({ useClass: Settings })],
    ['useExisting', () => AuthModule.forRootAsync({ imports: [SettingsModule], useExisting: Settings })],
  ])('configures the module with forRootAsync by %s', async (_, authModule) => {
    const { url } = await start(authModule());
    await refreshed(url, await issue());
  });

  describe('decides where the module is declared', () => {
    it('that every module may inject its service', async () => {
      const { url } = await start(AuthModule.forRoot({ ...hostOptions(), isGlobal: true }), LoginModule);
      expect((await call(`${url}/login`)).status).toBe(201);
    });

    it('that only those which import it may, as it comes', async () => {
      await expect(start(AuthModule.forRoot(hostOptions()), LoginModule)).rejects.toThrow(/RefreshTokenService/);
    });

    it('the path of the endpoint', async () => {
      const { url } = await start(AuthModule.forRoot({ ...hostOptions(), path: 'auth/refresh' }));
      const token = await issue();
      expect((await call(`${url}/auth/refresh`, { headers: { Authorization: `Bearer ${token}` } })).status).toBe(200);
      expect((await refresh(url, token)).status).toBe(404);
    });

    it.each([
      ['the endpoint and the keys, as it comes', undefined, [200, 200, 404]],
      ['the endpoint and a logout', [RefreshTokenController, LogoutController], [200, 404, 204]],
      ['no endpoint at all', [], [404, 404, 404]],
    ])('which endpoints there are: %s', async (_, controllers, expected) => {
      const { url } = await start(AuthModule.forRootAsync({ useFactory: hostOptions, controllers }));
      const token = await issue();
      const answers = [
        await refresh(url, token),
        await call(`${url}/.well-known/jwks.json`, { method: 'GET' }),
        await logout(url, token),
      ];
      expect(answers.map(({ status }) => status)).toEqual(expected);
    });

    it('which of its DataSources keeps the sessions', async () => {
      const other = await createDatabase('SQLite');
      const { url, app } = await start(
        sqlite(other, { name: 'sessions' }),
        AuthModule.forRoot({ ...hostOptions(), dataSource: getDataSourceToken('sessions') }),
      );
      await refreshed(url, await issue());
      const sessions = 'SELECT count(*) AS rows FROM refresh_token_sessions';
      expect(await app.get<DataSource>(getDataSourceToken('sessions')).query(sessions)).toEqual([{ rows: 1 }]);
      expect(await app.get(DataSource).query(sessions)).toEqual([{ rows: 0 }]);
      await app.close();
      await other.drop();
    });

    it('what the module imports: entities by autoLoadEntities, Passport with defaults of its own', async () => {
      host = await startHost({
        imports: [
          sqlite(database, { entities: [], autoLoadEntities: true }),
          AuthModule.forRoot({
            ...hostOptions(),
            imports: [
              TypeOrmModule.forFeature(refreshTokenEntities),
              PassportModule.register({ defaultStrategy: 'jwt', property: 'account', session: true }),
            ],
          }),
        ],
      });
      await refreshed(host.url, await issue());
    });
  });

  it('may run the migrations itself, after the app is made and before it listens', async () => {
    host = await startHost(
      { imports: [sqlite(database, { migrationsRun: false }), AuthModule.forRoot(hostOptions())] },
      (app) => app.get(DataSource).runMigrations(),
    );
    await refreshed(host.url, await issue());
  });

  it('turns the time in its tests with a Clock of its own', async () => {
    const clock = new TestClock();
    const imports = [sqlite(database), AuthModule.forRoot(withRefreshToken({ idleTtl: '2d' }))];
    const module = await Test.createTestingModule({ imports }).overrideProvider(Clock).useValue(clock).compile();
    const app = module.createNestApplication(hostAdapter());
    host = { app, url: await listen(app) };
    const token = await issue();
    clock.advance(2 * DAY - SECOND);
    const { refresh_token } = await refreshed(host.url, token);
    clock.advance(2 * DAY);
    expect((await refresh(host.url, refresh_token)).status).toBe(401);
  });

  describe('does not start, and reads what to set,', () => {
    it.each([
      ['as the store looks for them', { migrationsRun: false }],
      ['as the migrations look for them', {}],
    ])('where "entities" lacks those of the module, %s', async (_, options) => {
      const error = await refusal(sqlite(database, { entities: [], ...options }), AuthModule.forRoot(hostOptions()));
      expect(error.message).toMatch(/Add "\.\.\.refreshTokenEntities" .* "entities"/);
    });

    it('where the tables are missing', async () => {
      const error = await refusal(sqlite(database, { migrations: [] }), AuthModule.forRoot(hostOptions()));
      expect(error.message).toMatch(/Add "\.\.\.sqliteMigrations" .* "migrations"/);
    });

    it('where the DataSource is of a kind that the module does not speak', async () => {
      const dataSource = { provide: DataSource, useValue: { options: { type: 'mssql' } } };
      const imports = [{ module: class MssqlModule {}, providers: [dataSource], exports: [dataSource] }];
      const error = await refusal(AuthModule.forRoot({ ...hostOptions(), imports }));
      expect(error.message).toBe(
        'dataSource: got a DataSource of type "mssql", takes "better-sqlite3", "postgres", "mariadb" or "mysql".',
      );
    });

    it('where an option is bad', async () => {
      const error = await refusal(sqlite(database), AuthModule.forRoot(withRefreshToken({ leeway: '6m' })));
      expect(error.message).toBe('refreshToken.leeway: got "6m", takes at most 300 s.');
    });

    it('where an option from a factory is bad', async () => {
      const useFactory = () => withRefreshToken({ leeway: '6m' });
      const error = await refusal(sqlite(database), AuthModule.forRootAsync({ useFactory }));
      expect(error.message).toMatch(/^refreshToken\.leeway: /);
    });

    it('where an option from a factory is misspelt, which its type does not show', async () => {
      const useFactory = () => ({ ...hostOptions(), refreshToken: { ...hostOptions().refreshToken, idelTtl: '1h' } });
      const error = await refusal(sqlite(database), AuthModule.forRootAsync({ useFactory }));
      expect(error.message).toMatch(/refreshToken\.idelTtl/);
    });

    it('where the variable of the secret is not set', async () => {
      const secrets = [process.env['NO_SUCH_VARIABLE'] as string];
      const error = await refusal(sqlite(database), AuthModule.forRoot(withRefreshToken({ secrets })));
      expect(error.message).toMatch(/^refreshToken\.secrets\[0\]: got (nothing|undefined)/);
    });

    it('where a secret stands among the fingerprints, without reading the secret', async () => {
      const retiredSecrets = ['a secret that was given up, as it is'];
      const options = withRefreshToken({ retiredSecrets });
      const error = await refusal(sqlite(database), AuthModule.forRoot(options));
      expect(error.message).toMatch(/^refreshToken\.retiredSecrets: got .*, takes fingerprints of 16 hex digits/);
      expect(error.message).not.toContain('given up');
    });
  });

  async function issue(): Promise<string> {
    const service = (host as Host).app.get(RefreshTokenService);
    return (await service.issue({ subject: 'alice' })).refresh_token;
  }
});

const MIGRATIONS = { SQLite: 'sqliteMigrations', PostgreSQL: 'postgresMigrations', MariaDB: 'mariadbMigrations' };

describeOnEachDatabase('A host whose tables are older than the module', (name) => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createDatabase(name);
  });

  afterEach(() => database.drop());

  it.each([
    ['refresh_token_sessions', 'label'],
    ['refresh_token_secrets', 'withdrawn_at'],
    ['access_token_keys', 'withdrawn_at'],
  ])('does not start, and reads what to set, without %s.%s', async (table, column) => {
    await drop(table, column);
    const error = await refusal(dataSourceOn(database), AuthModule.forRoot(hostOptions()));
    expect(error.message).toMatch(/tables .* missing or old/);
    expect(error.message).toContain(`Add "...${MIGRATIONS[name]}"`);
  });

  it('starts without the table of signing keys where HS256 signs', async () => {
    await drop('access_token_keys', 'withdrawn_at');
    const accessToken = { issuer: 'https://app.example.com', ...HS256 };
    const { app } = await startHost({
      imports: [dataSourceOn(database), AuthModule.forRoot({ ...hostOptions(), accessToken })],
    });
    await app.close();
  });

  async function drop(table: string, column: string): Promise<void> {
    const { app } = await startHost({ imports: [dataSourceOn(database)] });
    await app.get(DataSource).query(`ALTER TABLE ${table} DROP COLUMN ${column}`);
    await app.close();
  }
});

async function refusal(...imports: DynamicModule[]): Promise<ConfigurationError> {
  const error: unknown = await startHost({ imports }).then(
    ({ app }) => app.close(),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConfigurationError);
  return error as ConfigurationError;
}

function withRefreshToken(changed: Partial<AuthModuleOptions['refreshToken']>): AuthModuleOptions {
  const options = hostOptions();
  return { ...options, refreshToken: { ...options.refreshToken, ...changed } };
}
