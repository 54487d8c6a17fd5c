import { open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { LoadOrder, LoadResult, PoolOrder, RepeatOrder } from './load.js';
import { processorTime } from './process-usage.js';
import { RefreshLoop, type Course } from './refresh-loop.js';
import { percentile } from './statistics.js';
import { TOKEN_LENGTH, TokenPool } from './token-pool.js';

/** How long the last answers may take, in milliseconds. */
const PATIENCE = 20_000;

// Of our own, and not autocannon: each request presents what the last answer for its session brought, a million sessions
// take turns at random, none of them twice at once, and each answer is read. Its hooks for that cost some 60 µs of
// processor time a request, as much as a fast server under test; this takes some 10.
/** Loads servers with refreshes, and keeps the tokens from one load to the next. */
export class LoadGenerator {
  private readonly pools = new Map<string, TokenPool>();

  /** Reads the first tokens of a file. */
  async readPool({ name, file, count }: PoolOrder): Promise<void> {
    const text = Buffer.alloc(count * TOKEN_LENGTH);
    const source = await open(file);
    try {
      const { bytesRead } = await source.read(text, 0, text.length, 0);
      if (bytesRead < text.length) throw new Error(`${file}: got ${bytesRead} bytes, takes ${text.length}`);
    } finally {
      await source.close();
    }
    this.pools.set(name, new TokenPool(text));
  }

  /** Loads a server for a while, each connection with one request after the other. */
  async load({ port, pid, pool: name, mustRotate, connections, warmUp, seconds }: LoadOrder): Promise<LoadResult> {
    const pool = name === null ? undefined : this.pool(name);
    const failures = new Failures();
    const latencies: number[] = [];
    let phase: 'warm-up' | 'measured' | 'over' = 'warm-up';
    let rotated = 0;

    const loops = startLoops(connections, {
      port,
      pool,
      mustRotate,
      next: () => (phase === 'over' ? undefined : (pool?.takeAny() ?? 0)),
      answered: (latency, isRotated) => {
        if (phase !== 'measured') return;
        latencies.push(latency);
        if (isRotated) rotated += 1;
      },
      failed: (reason) => failures.count(reason),
    });
    await delay(warmUp * 1_000);
    const before = usage(pid);
    phase = 'measured';
    // Where all connections have failed there is nothing to wait for.
    await Promise.race([delay(seconds * 1_000), loops]);
    phase = 'over';
    const after = usage(pid);
    await within(loops, failures);

    latencies.sort((a, b) => a - b);
    return {
      answers: latencies.length,
      seconds: after.time - before.time,
      p50: percentile(latencies, 0.5),
      p99: percentile(latencies, 0.99),
      rotated,
      serverProcessorTime: after.server === null || before.server === null ? null : after.server - before.server,
      generatorProcessorTime: after.generator - before.generator,
      failures: failures.byReason,
    };
  }

  /**
   * Refreshes each session of a pool `times` times.
   * @throws Error where an answer is not what it has to be
   */
  async repeat({ port, pool: name, connections, times }: RepeatOrder): Promise<void> {
    const pool = this.pool(name);
    const failures = new Failures();
    const left = new Uint32Array(pool.count).fill(times);
    let position = 0;
    await startLoops(connections, {
      port,
      pool,
      mustRotate: true,
      next: () => {
        for (let tried = 0; tried < pool.count; tried++) {
          const session = position++ % pool.count;
          if (left[session] === 0 || !pool.take(session)) continue;
          left[session] = (left[session] ?? 0) - 1;
          return session;
        }
        // What is left is being refreshed by others, who come back to it.
        return undefined;
      },
      answered: () => undefined,
      failed: (reason) => failures.count(reason),
    });
    const [failure] = Object.entries(failures.byReason);
    if (failure) throw new Error(`${failure[1]} times: ${failure[0]}`);
  }

  private pool(name: string): TokenPool {
    const pool = this.pools.get(name);
    if (!pool) throw new Error(`There are no tokens named ${name}`);
    return pool;
  }
}

class Failures {
  readonly byReason: Record<string, number> = {};

  count(reason: string): void {
    this.byReason[reason] = (this.byReason[reason] ?? 0) + 1;
  }
}

/** Settles once all have ended. */
async function startLoops(connections: number, course: Course): Promise<void> {
  const loops = Array.from({ length: connections }, () => new RefreshLoop(course));
  loops.forEach((loop) => loop.proceed());
  await Promise.all(loops.map(({ ended }) => ended));
}

async function within(loops: Promise<void>, failures: Failures): Promise<void> {
  const late = new AbortController();
  const isLate = await Promise.race([
    loops.then(() => false),
    delay(PATIENCE, true, { signal: late.signal }).catch(() => false),
  ]);
  late.abort();
  if (isLate) failures.count(`no answer within ${PATIENCE / 1_000} s`);
}

/** Seconds. */
function usage(pid: number): { time: number; server: number | null; generator: number } {
  const { user, system } = process.cpuUsage();
  return { time: performance.now() / 1_000, server: processorTime(pid), generator: (user + system) / 1e6 };
}
