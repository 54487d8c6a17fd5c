import { chmod, mkdir, readFile, symlink } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import {
  finish,
  manifestOf,
  packedProject,
  required,
  type Finished,
  type PackedProject,
} from './support/packed-project.js';

const EXPORTS = [
  'ACCESS_TOKEN_STRATEGY',
  'AccessTokenGuard',
  'AccessTokenKey',
  'AccessTokenVerifier',
  'AuthError',
  'AuthErrorFilter',
  'AuthExceptionFilter',
  'AuthModule',
  'AuthReply',
  'Clock',
  'ConfigurationError',
  'CurrentToken',
  'ErrorHeaders',
  'InsufficientScopeError',
  'InvalidAccessTokenError',
  'InvalidRefreshTokenError',
  'InvalidRequestError',
  'JwksController',
  'LegacyTokens',
  'LiveSessionGuard',
  'LogoutController',
  'MissingTokenError',
  'NotFoundError',
  'REFRESH_TOKEN_STRATEGY',
  'RandomSource',
  'RefreshTokenController',
  'RefreshTokenGuard',
  'RefreshTokenModule',
  'RefreshTokenReader',
  'RefreshTokenSecret',
  'RefreshTokenService',
  'RefreshTokenSession',
  'RequestTooLargeError',
  'RequireScope',
  'SessionObserver',
  'SessionPolicy',
  'SessionService',
  'SessionsController',
  'SystemClock',
  'SystemRandomSource',
  'TemporarilyUnavailableError',
  'accessTokenGuard',
  'authErrorFilter',
  'deviceOf',
  'getAuthToken',
  'postgresMigrations',
  'refreshTokenEntities',
  'refreshTokenGuard',
  'sqliteMigrations',
];

const TESTING_EXPORTS = ['TestClock', 'inMemoryDatabase', 'signIn', 'testingOptions'];

/** What a host writes in TypeScript; were a type lost on the way, the errors expected here would not come. */
const HOST = `
import { Module } from '@nestjs/common';
import {
  InvalidRefreshTokenError, RefreshTokenController, RefreshTokenModule, RefreshTokenService, postgresMigrations,
  refreshTokenEntities, type AccessTokenOptions, type AuthModuleExtras, type AuthModuleOptions, type CustomClaims,
  type Duration, type IssuedSession, type IssueOptions, type JsonWebKeySet, type RefreshToken, type RefreshTokenOptions,
  type RefreshTokenRequest, type RefusalReason, type TokenResponse, type UnavailableReason,
} from 'nest-refresh-token';

const options: AuthModuleOptions = {
  refreshToken: { secrets: ['secret'], leeway: '10s' },
  accessToken: { issuer: 'https://app.example.com', algorithm: 'HS256', secret: 'secret' },
};
// @ts-expect-error a boolean is no duration
export const leeway: RefreshTokenOptions = { secrets: [], leeway: true };
// @ts-expect-error HS256 needs a secret
export const access: AccessTokenOptions = { issuer: 'https://app.example.com', algorithm: 'HS256' };
// @ts-expect-error a path is a string
RefreshTokenModule.forRoot({ ...options, path: 1 });
// @ts-expect-error a factory makes all options
RefreshTokenModule.forRootAsync({ useFactory: () => ({ refreshToken: options.refreshToken }) });

class Controller extends RefreshTokenController {}

@Module({
  imports: [
    RefreshTokenModule.forRoot({ ...options, isGlobal: true, controllers: [Controller] }),
    RefreshTokenModule.forRootAsync({ inject: ['options'], useFactory: (given: AuthModuleOptions) => given, path: 'a' }),
  ],
})
export class AppModule {}

export async function login(service: RefreshTokenService, subject: string): Promise<IssuedSession> {
  // @ts-expect-error a subject is a string
  await service.issue({ subject: 1 });
  const { expires_in }: { expires_in: number } = await service.refresh('token').catch((error: unknown) => {
    if (error instanceof InvalidRefreshTokenError) throw new Error(error.reason satisfies RefusalReason);
    throw error;
  });
  return expires_in > 0 ? service.issue({ subject, claims: { tenant: 'acme' } }) : login(service, subject);
}

export const tables: { entities: (new () => object)[]; migrations: (new () => { name: string })[] } = {
  entities: refreshTokenEntities,
  migrations: postgresMigrations,
};
export type All = [
  AuthModuleExtras, CustomClaims, Duration, IssueOptions, JsonWebKeySet, RefreshToken, RefreshTokenRequest,
  TokenResponse, UnavailableReason,
];
`;

/** The same of what guards a host's routes and has a say in its sessions. */
const GUARDED_HOST = `
import { Controller, Get, Inject, Injectable, Module, UseFilters, UseGuards, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import {
  AccessTokenGuard, AccessTokenVerifier, accessTokenGuard, authErrorFilter, AuthModule, CurrentToken, deviceOf,
  ErrorHeaders, getAuthToken, InvalidAccessTokenError, LegacyTokens, RefreshTokenGuard, RefreshTokenReader,
  RefreshTokenService, RequireScope, SessionObserver, SessionPolicy,
  SessionsController, SessionService, type AccessTokenClaims, type AccessTokenRefusal, type AccessTokenRequest,
  type AuthModuleOptions, type Device, type EndSessionOptions, type EndSessionsOptions, type IssueOptions,
  type ListSessionsOptions, type PolicyDecision, type PolicySession, type ReuseDetectedEvent, type RevocationReason,
  type RevokeSubjectOptions, type SessionCreatedEvent, type SessionEndedEvent, type SessionEvent, type SessionInfo,
  type SessionListResponse, type SessionLostEvent, type SessionOptions, type SessionPage, type SessionRefreshedEvent,
  type SessionResponse, type UpdateSessionsOptions, type VerifyOptions,
} from 'nest-refresh-token';
import { inMemoryDatabase, signIn, TestClock, testingOptions, type SignedIn } from 'nest-refresh-token/testing';

type Claims = AccessTokenClaims<{ tenant: string }>;

class SocketGuard extends AccessTokenGuard {
  override getRequest(context: ExecutionContext): AccessTokenRequest {
    return context.switchToWs().getClient<{ handshake: AccessTokenRequest }>().handshake;
  }
}

@Injectable()
class OwnGuard extends AccessTokenGuard {
  constructor(verifier: AccessTokenVerifier, reflector: Reflector, headers: ErrorHeaders, readonly sessions: SessionService) {
    super(verifier, reflector, headers);
  }
}

@Injectable()
class OwnRefreshGuard extends RefreshTokenGuard {
  constructor(reader: RefreshTokenReader, headers: ErrorHeaders, readonly sessions: SessionService) {
    super(reader, headers);
  }
}

@Controller('orders')
@UseFilters(authErrorFilter('partners'))
@UseGuards(AccessTokenGuard, SocketGuard, OwnGuard, OwnRefreshGuard, accessTokenGuard('partners'))
class OrdersController {
  constructor(@Inject(getAuthToken(RefreshTokenService, 'partners')) readonly partners: RefreshTokenService) {}

  @Get()
  @RequireScope('orders:read')
  list(@CurrentToken() { sub, sid, tenant, scope = '' }: Claims): string {
    return [sub, sid, tenant, scope].join();
  }

  // @ts-expect-error a scope is text
  @RequireScope(['orders:read'])
  other(): void {}
}

@Injectable()
class Policy extends SessionPolicy {
  override onRefresh({ subject, device }: PolicySession): PolicyDecision {
    // @ts-expect-error a refusal has a reason
    return device.ip === subject ? { allow: true, claims: null } : { allow: false };
  }
}

@Injectable()
class Observer extends SessionObserver {
  override observe(event: SessionEvent): void {
    if (event.type === 'ended') console.log(event.reason satisfies RevocationReason, event.policyReason);
    if (event.type === 'refreshed') console.log(event.outcome, event.subject);
    // @ts-expect-error whose a lost session was is lost with it
    if (event.type === 'session_lost') console.log(event.subject);
  }
}

@Injectable()
class OldTokens extends LegacyTokens {
  override async resolve(token: string): Promise<IssueOptions | null> {
    return token === 'old' ? { subject: 'alice', label: 'old', ip: '::1', userAgent: 'x', revokeOthers: true } : null;
  }
}

const session: SessionOptions = { maxSessionsPerSubject: 3, notBefore: new Date(), recordDevice: false };
const options: AuthModuleOptions = testingOptions({ session, accessToken: { checkSession: true } });
// @ts-expect-error a policy is a class, since it is given its dependencies
AuthModule.forRoot({ ...options, sessionPolicy: new Policy() });

@Module({
  imports: [
    AuthModule.forRoot({
      ...options, controllers: [SessionsController], sessionPolicy: Policy, sessionObserver: Observer,
      legacyTokens: OldTokens,
    }),
    AuthModule.forRoot({ ...options, name: 'partners' }),
  ],
  controllers: [OrdersController],
})
export class AppModule {}

export async function use(
  sessions: SessionService, verifier: AccessTokenVerifier, tokens: RefreshTokenService,
  app: Parameters<typeof signIn>[0], request: AccessTokenRequest<{ tenant: string }>,
): Promise<number> {
  const { sub, tenant }: Claims = await verifier.verify<{ tenant: string }>('jwt', { checkSession: true });
  const device: Device = deviceOf(request);
  await tokens.refresh('token', device);
  const page: SessionPage = await sessions.list(sub, { limit: 10 } satisfies ListSessionsOptions);
  const ends: boolean[] = await Promise.all(page.sessions.map(({ id }: SessionInfo) => sessions.end(id, { by: 'user' })));
  await tokens.issue({ subject: sub, ...device });
  // @ts-expect-error a subject that may not be there would pass for anybody's
  await sessions.end('id', { subject: undefined });
  // @ts-expect-error neither the host nor the owner
  await sessions.end('id', { by: 'thief' });
  await sessions.update(sub, { claims: { tenant }, scope: null });
  const clock = new TestClock(0);
  const signedIn: SignedIn = await signIn(app, 'alice', { scope: 'orders:read' });
  console.log(clock.now(), signedIn.authorization, inMemoryDatabase([AppModule]).database);
  return ends.length + (await sessions.endAll(request.accessToken.tenant));
}

export function reasonOf(error: unknown): AccessTokenRefusal | undefined {
  return error instanceof InvalidAccessTokenError ? error.reason : undefined;
}
export type All = [
  EndSessionOptions, EndSessionsOptions, ReuseDetectedEvent, RevokeSubjectOptions, SessionCreatedEvent,
  SessionEndedEvent, SessionListResponse, SessionLostEvent, SessionRefreshedEvent, SessionResponse,
  UpdateSessionsOptions, VerifyOptions,
];
`;

describe('The package, packed and installed in an empty project', () => {
  let project: PackedProject;
  beforeAll(async () => {
    project = await packedProject();
  });
  afterAll(() => project?.remove());

  it('brings what was built, its documents and its licence, and nothing else', () => {
    const others = project.files.filter((file) => !file.startsWith('dist/'));
    expect(others).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json']);
    const built = project.files.filter((file) => file.startsWith('dist/'));
    expect(built).toEqual(expect.arrayContaining(['dist/index.js', 'dist/index.d.ts', 'dist/main.js']));
    expect(built.filter((file) => !/\.(js|js\.map|d\.ts)$/.test(file) || /\.(spec|e2e)\./.test(file))).toEqual([]);
  });

  it('is tried without what is optional', async () => {
    await project.write(
      'optional.mjs',
      `for (const name of ['pg', 'better-sqlite3', '@nestjs/swagger', '@nestjs/typeorm', 'nest-refresh-token'])
         await import(name).then(() => console.log('there', name), ({ code }) => console.log(code, name));`,
    );
    const { stdout } = await node('optional.mjs');
    expect(stdout.trim().split('\n')).toEqual([
      'ERR_MODULE_NOT_FOUND pg',
      'ERR_MODULE_NOT_FOUND better-sqlite3',
      'ERR_MODULE_NOT_FOUND @nestjs/swagger',
      'ERR_MODULE_NOT_FOUND @nestjs/typeorm',
      'there nest-refresh-token',
    ]);
  });

  it('is imported with exactly the names it documents', async () => {
    await project.write('host.mjs', `import * as library from 'nest-refresh-token'; ${PRINT_NAMES}`);
    expect(await node('host.mjs')).toEqual({ code: 0, stdout: `${JSON.stringify(EXPORTS)}\n`, stderr: '' });
  });

  it('is required with the same names, and is the same package that is imported', async () => {
    await project.write(
      'host.cjs',
      `const library = require('nest-refresh-token'); ${PRINT_NAMES}
       import('nest-refresh-token').then(({ AuthModule }) => console.log(AuthModule === library.AuthModule));`,
    );
    const { code, stdout } = await node('host.cjs');
    expect([code, stdout]).toEqual([0, `${JSON.stringify(EXPORTS)}\ntrue\n`]);
  });

  it('has its helpers for tests at an entry of their own, which are of the same package', async () => {
    await project.write(
      'test.mjs',
      `import * as library from 'nest-refresh-token/testing'; ${PRINT_NAMES}
       import { Clock } from 'nest-refresh-token';
       console.log(new library.TestClock() instanceof Clock);`,
    );
    const stdout = `${JSON.stringify(TESTING_EXPORTS)}\ntrue\n`;
    expect(await node('test.mjs')).toEqual({ code: 0, stdout, stderr: '' });

    await project.write('test.cjs', `const library = require('nest-refresh-token/testing'); ${PRINT_NAMES}`);
    expect(await node('test.cjs')).toMatchObject({ code: 0, stdout: `${JSON.stringify(TESTING_EXPORTS)}\n` });
  });

  it('has no other entry', async () => {
    await project.write(
      'deep.mjs',
      `for (const path of ['/dist/index.js', '/dist/service/cli.js', '/auth', '/dist/testing/index.js'])
         await import('nest-refresh-token' + path).then(() => console.log('there'), ({ code }) => console.log(code));`,
    );
    expect((await node('deep.mjs')).stdout).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED\n'.repeat(4));
  });

  it.each([
    ['an ES module and a CommonJS module', ['mts', 'cts'], { module: ts.ModuleKind.NodeNext }],
    ['a bundler', ['ts'], { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler }],
  ])('has types for %s that need no types of others', async (_, endings, options) => {
    const files = endings.flatMap((ending) => [`host.${ending}`, `guarded-host.${ending}`]);
    for (const file of files) await project.write(file, file.startsWith('host') ? HOST : GUARDED_HOST);
    // Of what lies in node_modules, only ours is checked: @nestjs/passport wants @types/passport.
    const errors = typeErrors(project.folder, files, { ...STRICT, ...options });
    expect(errors).toEqual([]);
  });

  it('runs its command', async () => {
    const command = join(project.folder, 'node_modules/.bin/nest-refresh-token');
    await mkdir(join(command, '..'));
    await symlink('../nest-refresh-token/dist/service/cli.js', command);
    // As npm does when it links a command.
    await chmod(command, 0o755);
    const help = await finish(command, ['--help'], project.folder);
    expect(help).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('keys generate') });
  });

  it.each(['dist/index.js', 'dist/testing/index.js'])(
    'loads nothing of the stand-alone service, and no package it does not declare: %s',
    async (entry) => {
      const { files, packages } = await imports(project.packageFolder, entry);
      expect(files).toContain('dist/auth/refresh-token/refresh-token.service.js');
      expect(files.filter((file) => /^dist\/(service\/|main\.)/.test(file))).toEqual([]);
      const declared = required(manifestOf(project.packageFolder));
      expect(packages.filter((name) => !name.startsWith('node:') && !declared.includes(name))).toEqual([]);
    },
  );

  function node(script: string): Promise<Finished> {
    // Links are kept as they are: the packages behind them find only each other.
    return finish(process.execPath, ['--preserve-symlinks', '--preserve-symlinks-main', script], project.folder);
  }
});

const PRINT_NAMES = 'console.log(JSON.stringify(Object.keys(library).sort()));';

const STRICT: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  preserveSymlinks: true,
  noEmit: true,
  types: ['node'],
};

/** The errors in files of a project, and in the package's own types. */
function typeErrors(folder: string, files: readonly string[], options: ts.CompilerOptions): string[] {
  const roots = files.map((file) => join(folder, file));
  const host = { ...ts.createCompilerHost(options), getCurrentDirectory: () => folder };
  const program = ts.createProgram(roots, options, host);
  const ours = program
    .getSourceFiles()
    .filter(({ fileName }) => roots.includes(fileName) || fileName.includes('/nest-refresh-token/'));
  expect(ours.length).toBeGreaterThan(roots.length);
  const diagnostics = ours.flatMap((file) => [
    ...program.getSyntacticDiagnostics(file),
    ...program.getSemanticDiagnostics(file),
  ]);
  return [...program.getOptionsDiagnostics(), ...diagnostics].map(
    ({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
  );
}

/** All that a module imports, and what they import: the package's own files, and the packages of others. */
async function imports(folder: string, entry: string): Promise<{ files: string[]; packages: string[] }> {
  const files = new Set([entry]);
  const packages = new Set<string>();
  for (const file of files) {
    const code = await readFile(join(folder, file), 'utf8');
    for (const [, name = ''] of code.matchAll(/\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)) {
      if (name.startsWith('.')) files.add(posix.join(posix.dirname(file), name));
      else packages.add(/^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name);
    }
  }
  return { files: [...files], packages: [...packages] };
}
