import { readdir, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from '@jest/globals';
import { build, type Format } from 'esbuild';
import type * as Client from 'nest-refresh-token/client';
import { cleanUp, runToEnd } from './support/process.js';
import { rotating, ScriptedServer } from './support/scripted-server.js';

const LIMIT = 3_000;
const DIST = resolve('dist/client');

/** All that the client library exports, bundled. */
async function bundle(format: Format): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: ['src/client/index.ts'],
    bundle: true,
    minify: true,
    write: false,
    format,
    globalName: 'client',
  });
  return outputFiles[0]?.text ?? '';
}

describe('the client library', () => {
  afterAll(cleanUp);

  it(`is at most ${LIMIT} bytes, minified and compressed`, async () => {
    const code = await bundle('esm');
    const bytes = gzipSync(code, { level: 9 }).length;
    expect({ bytes, isSmall: bytes <= LIMIT }).toEqual({ bytes, isSmall: true });
    expect(code).toContain('createSession');
  });

  it('depends on nothing: every import of what is published is relative, and names its file', async () => {
    const files = (await readdir(DIST)).filter((file) => file.endsWith('.js'));
    const code = await Promise.all(files.map((file) => readFile(resolve(DIST, file), 'utf8')));
    const imports = code.flatMap((text) => [...text.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)]);
    expect(files).toContain('index.js');
    expect(imports.length).toBeGreaterThan(10);
    for (const [, path] of imports) expect(path).toMatch(/^\.\/[a-z-]+\.js$/);
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
      runInContext(await bundle('iife'), context);
      const client = runInContext('client', context) as typeof Client;
      for (const storage of [client.memoryStorage(), client.cookieStorage()]) {
        const session = client.createSession({ refreshUrl: `${server.url}/refresh_token`, storage });
        await session.signIn({ refresh_token: 'refresh-1' });
        expect(await session.getAccessToken()).toMatch(/^access-/);
        expect((await session.fetch(`${server.url}/elsewhere`)).status).toBe(404);
        expect(await session.signOut()).toBe(false);
      }
      const { signal } = Object.assign(new OldAbortController(), {
        signal: { ...new OldAbortController().signal, aborted: true },
      });
      const call = client.createSession({ refreshUrl: server.url }).getAccessToken({ signal: signal as AbortSignal });
      await expect(call).rejects.toMatchObject({ message: 'Aborted' });
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
        process.on('unhandledRejection', (error) => console.log('reported: ' + error.message));
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
      expect(performance.now() - begun).toBeLessThan(10_000);
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
