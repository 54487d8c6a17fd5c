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
  'AuthError',
  'AuthErrorFilter',
  'AuthExceptionFilter',
  'AuthModule',
  'AuthReply',
  'Clock',
  'ConfigurationError',
  'InvalidRefreshTokenError',
  'InvalidRequestError',
  'JwksController',
  'LogoutController',
  'MissingTokenError',
  'REFRESH_TOKEN_STRATEGY',
  'RandomSource',
  'RefreshTokenController',
  'RefreshTokenGuard',
  'RefreshTokenModule',
  'RefreshTokenSecret',
  'RefreshTokenService',
  'RefreshTokenSession',
  'RequestTooLargeError',
  'SystemClock',
  'SystemRandomSource',
  'TemporarilyUnavailableError',
  'postgresMigrations',
  'refreshTokenEntities',
  'sqliteMigrations',
];

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

  it.each([
    ['an ES module and a CommonJS module', ['host.mts', 'host.cts'], { module: ts.ModuleKind.NodeNext }],
    ['a bundler', ['host.ts'], { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler }],
  ])('has types for %s that need no types of others', async (_, files, options) => {
    for (const file of files) await project.write(file, HOST);
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

  it('loads nothing of the stand-alone service, and no package it does not declare', async () => {
    const { files, packages } = await imports(project.packageFolder, 'dist/index.js');
    expect(files).toContain('dist/auth/refresh-token/refresh-token.service.js');
    expect(files.filter((file) => /^dist\/(service\/|main\.)/.test(file))).toEqual([]);
    const declared = required(manifestOf(project.packageFolder));
    expect(packages.filter((name) => !name.startsWith('node:') && !declared.includes(name))).toEqual([]);
  });

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
      else packages.add(name);
    }
  }
  return { files: [...files], packages: [...packages] };
}
