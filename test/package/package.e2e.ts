import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { linksOf } from '../documentation/docs/markdown.js';
import { readmes } from '../documentation/docs/readmes.js';
import { CLIENT, GUARDED_HOST, HOST, OAUTH_HOST } from '../support/hosts/packed-hosts.js';
import {
  finish,
  manifestOf,
  packedProject,
  required,
  type Finished,
  type PackedProject,
} from '../support/hosts/packed-project.js';

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
  'ForbiddenOriginError',
  'InsufficientScopeError',
  'InvalidAccessTokenError',
  'InvalidRefreshTokenError',
  'InvalidRequestError',
  'InvalidScopeError',
  'JwksController',
  'LegacyTokens',
  'LiveSessionGuard',
  'LogoutController',
  'MissingTokenError',
  'NotFoundError',
  'OAuthController',
  'OAuthError',
  'OAuthMetadataController',
  'REFRESH_TOKEN_STRATEGY',
  'RandomSource',
  'RefreshTokenController',
  'RefreshTokenCookies',
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
  'TokenIntrospector',
  'accessTokenGuard',
  'authErrorFilter',
  'deviceOf',
  'getAuthToken',
  'mariadbEntities',
  'mariadbMigrations',
  'postgresMigrations',
  'refreshTokenEntities',
  'refreshTokenGuard',
  'sqliteMigrations',
];

const CLIENT_EXPORTS = [
  'RequestNotRepeatedError',
  'SessionUnavailableError',
  'browserStorage',
  'cookieStorage',
  'createSession',
  'memoryStorage',
];
const TESTING_EXPORTS = ['TestClock', 'inMemoryDatabase', 'signIn', 'testingOptions'];

/** Where the tarball has the demo's pages. */
const DEMO_PAGE = 'dist/service/demo/page';

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

const BUNDLER: ts.CompilerOptions = {
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
};
const BROWSER: ts.CompilerOptions = { lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'], types: [] };
const NODE: ts.CompilerOptions = { lib: ['lib.es2022.d.ts'], types: ['node'] };

describe('The package, packed and installed in an empty project', () => {
  let project: PackedProject;
  beforeAll(async () => {
    project = await packedProject();
  });
  afterAll(() => project?.remove());

  it('brings what was built, its documents and its licence, and nothing else', () => {
    const others = project.files.filter((file) => !file.startsWith('dist/'));
    const documents = ['.github/CONTRIBUTING.md', '.github/SECURITY.md', 'CHANGELOG.md', 'LICENSE', ...readmes()];
    expect(others.toSorted()).toEqual([...documents, 'package.json'].toSorted());
    const built = project.files.filter((file) => file.startsWith('dist/'));
    expect(built).toEqual(expect.arrayContaining(['dist/index.js', 'dist/index.d.ts', 'dist/main.js']));
    expect(built).toEqual(expect.arrayContaining(['dist/client/index.js', 'dist/client/index.d.ts']));
    const code = built.filter((file) => posix.dirname(file) !== DEMO_PAGE);
    expect(code.filter((file) => !/\.(js|js\.map|d\.ts)$/.test(file))).toEqual([]);
    expect(built.filter((file) => /\.(spec|e2e)\.|\b(?:test|fixtures)\//.test(file))).toEqual([]);
  });

  it('brings what its documents link to, but for the picture of the demo', async () => {
    const pages = project.files.filter((file) => file.endsWith('.md'));
    for (const page of pages) {
      const links = linksOf(page, await readFile(join(project.packageFolder, page), 'utf8')).map(({ path }) => path);
      const missing = links.filter((path) => !path.startsWith('test/pictures/') && !project.files.includes(path));
      expect({ page, missing }).toEqual({ page, missing: [] });
    }
  });

  it('brings the pages of the demo, which no compiler makes, as they are', async () => {
    const names = (await readdir('src/service/demo/page')).toSorted();
    const packed = project.files.filter((file) => posix.dirname(file) === DEMO_PAGE);
    expect(packed).toEqual(names.map((name) => `${DEMO_PAGE}/${name}`));
    expect(names).toContain('demo.html');
    const textOf = (folder: string, name: string) => readFile(join(folder, name), 'utf8');
    for (const name of names) {
      const page = await textOf(join(project.packageFolder, DEMO_PAGE), name);
      expect(page === (await textOf('src/service/demo/page', name))).toBe(true);
    }
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

  it('has its client library at an entry of its own, imported and required', async () => {
    const named = { code: 0, stdout: `${JSON.stringify(CLIENT_EXPORTS)}\n` };
    await project.write('client.mjs', `import * as library from 'nest-refresh-token/client'; ${PRINT_NAMES}`);
    expect(await node('client.mjs')).toEqual({ ...named, stderr: '' });
    await project.write('client.cjs', `const library = require('nest-refresh-token/client'); ${PRINT_NAMES}`);
    expect(await node('client.cjs')).toMatchObject(named);
  });

  it('has no other entry', async () => {
    await project.write(
      'deep.mjs',
      `for (const path of ['/dist/index.js', '/dist/service/cli/cli.js', '/auth', '/dist/testing/index.js',
         '/dist/client/index.js', '/client/index.js', '/client/lock.js'])
         await import('nest-refresh-token' + path).then(() => console.log('there'), ({ code }) => console.log(code));`,
    );
    expect((await node('deep.mjs')).stdout).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED\n'.repeat(7));
  });

  it.each([
    ['an ES module and a CommonJS module', ['mts', 'cts'], { module: ts.ModuleKind.NodeNext }],
    ['a bundler', ['ts'], BUNDLER],
  ])('has types for %s that need no types of others', async (_, endings, options) => {
    const hosts = { host: HOST, 'guarded-host': GUARDED_HOST, 'oauth-host': OAUTH_HOST };
    const named = endings.flatMap((ending) =>
      Object.entries(hosts).map(([name, code]) => [`${name}.${ending}`, code] as const),
    );
    for (const [file, code] of named) await project.write(file, code);
    const files = named.map(([file]) => file);
    // Of what lies in node_modules, only ours is checked: @nestjs/passport wants @types/passport.
    const errors = typeErrors(project.folder, files, { ...STRICT, ...options });
    expect(errors).toEqual([]);
  });

  it.each<[string, string, ts.CompilerOptions]>([
    ['a page, built by a bundler', 'ts', { ...BROWSER, ...BUNDLER }],
    ['a page, resolved as Node does', 'mts', { ...BROWSER, module: ts.ModuleKind.NodeNext }],
    ['an app in Node', 'mts', { ...NODE, module: ts.ModuleKind.NodeNext }],
    ['a CommonJS app in Node', 'cts', { ...NODE, module: ts.ModuleKind.NodeNext }],
    ['an app in Node, built by a bundler', 'ts', { ...NODE, ...BUNDLER }],
  ])('has a client library with types for %s, and none of another platform', async (_, ending, options) => {
    const file = `client.${ending}`;
    await project.write(file, CLIENT);
    expect(typeErrors(project.folder, [file], { ...STRICT, ...options })).toEqual([]);
  });

  it('runs its command', async () => {
    const command = join(project.folder, 'node_modules/.bin/nest-refresh-token');
    await mkdir(join(command, '..'));
    await symlink('../nest-refresh-token/dist/service/cli/cli.js', command);
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

  it('has a client library that needs nothing at all, and works where nothing else is installed', async () => {
    const { files, packages } = await imports(project.packageFolder, 'dist/client/index.js');
    expect(files.length).toBeGreaterThan(1);
    expect(files.filter((file) => !file.startsWith('dist/client/'))).toEqual([]);
    expect(packages).toEqual([]);

    await writeFile(
      join(project.alone, 'client.mjs'),
      `import { createSession } from 'nest-refresh-token/client';
       const answer = Response.json({ access_token: 'a', expires_in: 60, refresh_token: 'r2' });
       const session = createSession({ refreshUrl: 'https://a.example/refresh_token', fetch: async () => answer });
       await session.signIn({ refresh_token: 'r1' });
       console.log(await session.getAccessToken());
       await import('nest-refresh-token').catch(({ code }) => console.log(code));`,
    );
    expect(await finish(process.execPath, ['client.mjs'], project.alone)).toEqual({
      code: 0,
      stdout: 'a\nERR_MODULE_NOT_FOUND\n',
      stderr: '',
    });
  });

  function node(script: string): Promise<Finished> {
    // Links are kept as they are: the packages behind them find only each other.
    return finish(process.execPath, ['--preserve-symlinks', '--preserve-symlinks-main', script], project.folder);
  }
});

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
