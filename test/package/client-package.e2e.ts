import { readdir, readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from '@jest/globals';
import { minify } from '@swc/core';
import { build, type Format } from 'esbuild';
import * as client from 'nest-refresh-token/client';
import { cleanUp, runToEnd } from '../support/servers/process.js';
import { rotating, ScriptedServer } from '../support/clients/scripted-server.js';
import { limit } from '../support/time.js';

const DIST = resolve('dist/client');

/** What is made of the client library where these of its exports are used. */
async function bundle(format: Format, names: readonly string[]): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: `export { ${names.join()} } from './src/client/index.ts';`, resolveDir: process.cwd() },
    bundle: true,
    target: 'es2022',
    write: false,
    format,
    globalName: 'client',
  });
  return outputFiles[0]?.text ?? '';
}

describe('the client library', () => {
  afterAll(cleanUp);

  /** What a page takes that imports these. */
  async function sizeOf(...names: readonly string[]): Promise<number> {
    const { code } = await minify(await bundle('esm', names), {
      module: true,
      ecma: 2022,
      compress: { passes: 3, ecma: 2022, unsafe_arrows: true },
      mangle: { topLevel: true },
    });
    expect(code).toContain('createSession');
    return gzipSync(code, { level: 9 }).length;
  }

  it.each(['browserStorage', 'cookieStorage'])('takes 3 kB of a page, minified and compressed: %s', async (storage) => {
    const bytes = await sizeOf('createSession', storage);
    expect({ bytes, isSmall: bytes <= 3_000 }).toEqual({ bytes, isSmall: true });
  });

  it('depends on nothing: every import of what is published is relative, and names its file', async () => {
    const names = await readdir(DIST, { recursive: true });
    const files = names.filter((name) => name.endsWith('.js')).map((name) => resolve(DIST, name));
    const imports: [from: string, path: string][] = [];
    for (const file of files) {
      const text = await readFile(file, 'utf8');
      for (const [, path] of text.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)) {
        imports.push([file, path as string]);
      }
    }
    expect(files).toContain(resolve(DIST, 'index.js'));
    expect(imports.length).toBeGreaterThan(10);
    for (const [from, path] of imports) {
      expect(path).toMatch(/^\.\.?\//);
      expect(files).toContain(resolve(dirname(from), path));
    }
  });

  it('needs of a platform `fetch` and what belongs to it, `URL`, `AbortController` and timers', async () => {
    const server = await ScriptedServer.start();
    try {
      server.script('/refresh_token', rotating());
      const context = createContext({
        // One that knows of signals, as all do, and of no reason, as older ones do.
        fetch: (url: string, init: RequestInit) => fetch(url, { ...init, signal: null }),
        URL,
        Request,
        Headers,
        AbortController: OldAbortController,
        setTimeout,
        clearTimeout,
      });
      runInContext(await bundle('iife', Object.keys(client)), context);
      const library = runInContext('client', context) as typeof client;
      for (const storage of [library.memoryStorage(), library.cookieStorage()]) {
        const session = library.createSession({ refreshUrl: `${server.url}/refresh_token`, storage });
        await session.signIn({ refresh_token: 'refresh-1' });
        expect(await session.getAccessToken()).toMatch(/^access-/);
        expect((await session.fetch(`${server.url}/elsewhere`)).status).toBe(404);
        expect(await session.signOut()).toBe(false);
      }
      const { signal } = Object.assign(new OldAbortController(), {
        signal: { ...new OldAbortController().signal, aborted: true },
      });
      const call = library.createSession({ refreshUrl: server.url }).getAccessToken({ signal: signal as AbortSignal });
      await expect(call).rejects.toMatchObject({ message: 'abort' });
    } finally {
      await server.close();
    }
  });

  it('keeps no process up, and a listener that throws doesn’t disturb a call', async () => {
    const server = await ScriptedServer.start();
    try {
      server.script('/refresh_token', rotating());
      const script = `
        import { cookieStorage, createSession } from ${JSON.stringify(resolve(DIST, 'index.js'))};
        console.error = (error) => console.log('reported: ' + error.message);
        for (const storage of [undefined, cookieStorage()]) {
          const session = createSession({ refreshUrl: '${server.url}/refresh_token', storage });
          session.on('refreshed', () => { throw new Error('A bug.'); });
          session.on('refreshed', ({ expiresIn }) => console.log('heard: ' + expiresIn));
          await session.signIn({ refresh_token: 'refresh-1' });
          console.log(await session.getAccessToken());
        }`;
      const begun = performance.now();
      const { stdout, stderr, code } = await runToEnd(process.execPath, ['--input-type=module', '--eval', script]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout.split('\n').toSorted()).toEqual(
        ['', 'access-2', 'access-3', 'heard: 3600', 'heard: 3600', 'reported: A bug.', 'reported: A bug.'].toSorted(),
      );
      // Undici keeps a connection for 4 s, of which a process that is done doesn't wait.
      expect(performance.now() - begun).toBeLessThan(limit(3_300));
    } finally {
      await server.close();
    }
  });
});

/** As platforms had it before signals knew their reason. */
class OldAbortController {
  private readonly listeners = new Set<() => void>();
  readonly signal = {
    aborted: false,
    addEventListener: (_: string, listener: () => void) => void this.listeners.add(listener),
    removeEventListener: (_: string, listener: () => void) => void this.listeners.delete(listener),
  };

  abort(): void {
    this.signal.aborted = true;
    this.listeners.forEach((listener) => listener());
  }
}
