import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { NotAvailableError } from './not-available.error.js';
import { pinned } from './processors.js';

/** How long a server may take to start, and to stop, in milliseconds. */
const PATIENCE = 40_000;
const PAUSE = 25;

export interface ServerStart {
  /** Arguments of `node`. */
  readonly args: readonly string[];
  /** All of the environment, but for `PATH` and `PORT`. */
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
  /** A file for all that it writes. */
  readonly log: string;
  readonly processor: number | undefined;
  /** What is asked until it is answered with 200. */
  readonly probe: { readonly method: 'GET' | 'POST'; readonly path: string };
}

/** A server in a process of its own, listening. */
export class ServerProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly pid: number,
    readonly port: number,
  ) {}

  /** @throws NotAvailableError with the server's own last line where it ends instead of listening */
  static async start({ args, env, folder, log, processor, probe }: ServerStart): Promise<ServerProcess> {
    const port = await freePort();
    const [command, ...rest] = pinned(processor, [process.execPath, ...args]);
    // A file and not a pipe: nobody has to read along while the load runs.
    const output = openSync(log, 'w');
    const child = spawn(command, rest, {
      cwd: folder,
      env: { PATH: process.env['PATH'], ...env, PORT: String(port) },
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    await once(child, 'spawn');
    const server = new ServerProcess(child, child.pid as number, port);
    try {
      await server.untilReady(probe, log);
    } catch (error) {
      await server.kill();
      throw error;
    }
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Asks it to shut down, and kills it where it doesn't. */
  async stop(): Promise<void> {
    if (this.hasExited) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    const killed = setTimeout(() => this.child.kill('SIGKILL'), PATIENCE);
    await exited;
    clearTimeout(killed);
  }

  /** Ends it at once: a service that shuts down answers for some seconds more. */
  async kill(): Promise<void> {
    if (this.hasExited) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }

  private get hasExited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  private async untilReady({ method, path }: ServerStart['probe'], log: string): Promise<void> {
    const givesUpAt = performance.now() + PATIENCE;
    while (!(await isAnswered(method, this.url + path))) {
      if (this.hasExited) throw new NotAvailableError(await lastLine(log));
      if (performance.now() > givesUpAt) throw new NotAvailableError(`not ready within ${PATIENCE / 1_000} s`);
      await delay(PAUSE);
    }
  }
}

async function isAnswered(method: string, url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { method });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}

/** The line that says why it has ended. */
async function lastLine(log: string): Promise<string> {
  const lines = (await readFile(log, 'utf8')).split('\n').filter((line) => line.trim() !== '');
  const said = lines.findLast((line) => line.includes("can't start")) ?? lines.find((line) => line.includes('Error'));
  return said ?? lines.at(-1) ?? 'it has ended without a word';
}

function freePort(): Promise<number> {
  return new Promise((found, fail) => {
    const probe = createServer().once('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => found(port));
    });
  });
}
