import { spawn } from 'node:child_process';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { call } from '../http/http.js';
import { HTTP_ADAPTER } from './http-adapter.js';
import { limit } from '../time.js';

/** What `npm run build` has made of `src/main.ts`. */
export const MAIN = resolve('dist/main.js');

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that a test started. */
export interface TestProcess {
  readonly pid: number | undefined;
  /** All that it has written so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Once it has ended, and nothing more is written. */
  readonly exit: Promise<Exit>;
  readonly hasExited: boolean;
  signal(signal: NodeJS.Signals): void;
}

/** The service, listening. */
export interface ServiceProcess extends TestProcess {
  readonly url: string;
  readonly port: number;
}

interface Start {
  /** The working folder; where there is none, a new empty one. */
  cwd?: string;
  /** All of the environment, but for `PATH` and `HTTP_ADAPTER`. */
  env?: Record<string, string>;
  /** Whom it runs as, where that isn't who runs the tests. */
  user?: SystemUser | undefined;
}

interface ServiceStart extends Start {
  main?: string;
  /** A program, with its arguments, that becomes the service in the end. */
  under?: readonly string[];
}

/** A user of the system, by number. */
export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

const running = new Set<TestProcess>();
const folders = new Set<string>();

/** Kills the processes that are left and takes their folders away: for `afterEach` or `afterAll`. */
export async function cleanUp(): Promise<void> {
  for (const child of running) child.signal('SIGKILL');
  await Promise.all([...running].map(({ exit }) => exit));
  await Promise.all([...folders].map((folder) => rm(folder, { recursive: true, force: true })));
  folders.clear();
}

/** A new empty folder. */
export async function emptyFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'refresh-token-')));
  folders.add(folder);
  return folder;
}

/** Starts a program. */
export async function run(
  command: string,
  args: readonly string[],
  { cwd, env = {}, user }: Start = {},
): Promise<TestProcess> {
  const child = spawn(command, args, {
    cwd: cwd ?? (await emptyFolder()),
    env: { PATH: process.env['PATH'], HTTP_ADAPTER, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...user,
  });
  const written = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => (written[stream] += text));
  }
  let hasExited = false;
  const exit = new Promise<Exit>((done, fail) => {
    child.once('error', (error) => {
      hasExited = true;
      fail(error);
    });
    // Not at its exit: whoever it has left behind may still be writing.
    child.once('close', (code, signal) => {
      hasExited = true;
      done({ code, signal });
    });
  });
  const started: TestProcess = {
    pid: child.pid,
    get stdout() {
      return written.stdout;
    },
    get stderr() {
      return written.stderr;
    },
    get hasExited() {
      return hasExited;
    },
    exit,
    signal: (signal) => void child.kill(signal),
  };
  running.add(started);
  void exit.finally(() => running.delete(started)).catch(() => undefined);
  return started;
}

/** How a program has ended, and all that it has written. */
export interface Ended extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

/** Waits for the end of a process. @throws once `patience` milliseconds have passed */
export async function ended(child: TestProcess, patience = limit(20_000)): Promise<Ended> {
  await until('the process ends', () => child.hasExited || undefined, patience);
  const exit = await child.exit;
  return { ...exit, stdout: child.stdout, stderr: child.stderr };
}

/** Asks a process to shut down, and waits until it has. */
export function stop(child: TestProcess): Promise<Ended> {
  child.signal('SIGTERM');
  return ended(child);
}

/** Runs a program to its end. */
export async function runToEnd(command: string, args: readonly string[], start: Start = {}): Promise<Ended> {
  return ended(await run(command, args, start));
}

/** Starts the service, which may fail: `exit` tells. */
export function launch({ main = MAIN, under = [], ...start }: ServiceStart = {}): Promise<TestProcess> {
  const [command = '', ...args] = [...under, process.execPath, main];
  return run(command, args, start);
}

/**
 * Starts the service, on a free port unless `env` has one, and waits until it answers.
 * @throws once `patience` milliseconds have passed
 */
export async function startProcess(start: ServiceStart = {}, patience?: number): Promise<ServiceProcess> {
  const port = Number(start.env?.['PORT'] ?? (await freePort()));
  const child = await launch({ ...start, env: { ...start.env, PORT: String(port) } });
  const url = `http://127.0.0.1:${port}`;
  const answered = async () => {
    if (child.hasExited) throw new Error(`The service has exited:\n${child.stdout}${child.stderr}`);
    return (await isAnswered(url)) || undefined;
  };
  await until('the service answers', answered, patience);
  return Object.assign(child, { url, port });
}

async function isAnswered(url: string): Promise<boolean> {
  try {
    return (await call(`${url}/health/live`, { method: 'GET' })).status === 200;
  } catch {
    return false;
  }
}

/** What `probe` returns, as soon as it is not `undefined`. @throws once `patience` milliseconds have passed */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  patience = limit(20_000),
): Promise<T> {
  const givesUpAt = performance.now() + patience;
  for (;;) {
    const result = await probe();
    if (result !== undefined) return result;
    if (performance.now() > givesUpAt) throw new Error(`It has not come to pass in ${patience} ms that ${what}.`);
    await delay(20);
  }
}

/** A free port that the system hands to no outgoing connection, so that it stays free over a restart. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = createServer().once('error', () => done(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => done(true)));
  });
}
