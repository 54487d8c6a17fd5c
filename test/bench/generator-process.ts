import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { GeneratorOrder, GeneratorReply, LoadOrder, LoadResult, PoolOrder, RepeatOrder } from './load.js';
import { pinned } from './processors.js';

const MAIN = resolve('test/bench/load-generator.main.ts');

/** The load generator in a process of its own. */
export class GeneratorProcess {
  private constructor(private readonly child: ChildProcess) {}

  static async start(processor: number | undefined): Promise<GeneratorProcess> {
    const node = [process.execPath, '--import', '@swc-node/register/esm-register', MAIN] as const;
    const [command, ...args] = pinned(processor, [...node]);
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    await once(child, 'spawn');
    return new GeneratorProcess(child);
  }

  async readPool(pool: PoolOrder): Promise<void> {
    await this.order({ type: 'pool', pool });
  }

  async load(load: LoadOrder): Promise<LoadResult> {
    const reply = await this.order({ type: 'load', load });
    if (reply.type !== 'result') throw new Error('The load generator sent no result');
    return reply.result;
  }

  async repeat(repeat: RepeatOrder): Promise<void> {
    await this.order({ type: 'repeat', repeat });
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }

  private async order(order: GeneratorOrder): Promise<GeneratorReply> {
    const over = new AbortController();
    const { signal } = over;
    try {
      const reply = once(this.child, 'message', { signal });
      const exit = once(this.child, 'exit', { signal }).then(() => {
        throw new Error('The load generator has ended');
      });
      this.child.send(order);
      const [message] = (await Promise.race([reply, exit])) as [GeneratorReply];
      if (message.type === 'failed') throw new Error(message.reason);
      return message;
    } finally {
      over.abort();
    }
  }
}
