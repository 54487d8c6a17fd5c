import { setTimeout as delay } from 'node:timers/promises';
import { call, type Answer } from '../http/http.js';
import { ended, startProcess, stop, until, type Ended, type ServiceProcess } from '../servers/process.js';
import { limit } from '../time.js';

/** What the service says where it has not found its database. */
const DATABASE_AWAY = "can't start: The database could not be used";

/** A place behind the balancer, and the process that holds it now. */
interface Place {
  process: ServiceProcess;
  /** How many requests it has not answered. */
  waiting: number;
  /** It answers, as far as is known. */
  isUp: boolean;
}

/** What is sent, to whichever instance. */
export type Send = (path: string, request?: Parameters<typeof call>[1]) => Promise<Answer>;

/** Instances of the service on one database, a balancer before them, and somebody who kills them. */
export class ServiceFleet {
  /** Every process that there ever was. */
  readonly processes: ServiceProcess[] = [];
  /** How many requests have died with their process. */
  lost = 0;
  private readonly places: Place[] = [];
  private readonly failed: { readonly process: ServiceProcess; readonly error: unknown }[] = [];
  private readonly starts = new Set<Promise<void>>();

  private constructor(private readonly env: Record<string, string>) {}

  static async start(count: number, env: Record<string, string>): Promise<ServiceFleet> {
    const fleet = new ServiceFleet(env);
    await Promise.all(Array.from({ length: count }, () => fleet.add()));
    return fleet;
  }

  /** Instances that did not answer while nobody was killing them: how, and all that they have written. */
  get unexplained(): string[] {
    return this.failed.map(({ process, error }) => `${String(error)}\n${process.stdout}${process.stderr}`);
  }

  /** The addresses of all instances. */
  get urls(): string[] {
    return this.places.map(({ process }) => process.url);
  }

  /**
   * Sends a request to an instance, any of them; to another one only where the first has not had it.
   * @throws where no answer comes
   */
  readonly send: Send = async (path, request) => {
    for (const place of shuffled(this.places)) {
      const { process } = place;
      place.waiting += 1;
      try {
        return await call(process.url + path, request);
      } catch (error) {
        // Whoever kills it says so before.
        if (place.process === process && place.isUp) this.giveUp(place, error);
        if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') {
          this.lost += 1;
          throw error;
        }
      } finally {
        place.waiting -= 1;
      }
    }
    throw new Error('No instance is up.');
  };

  /**
   * Kills an instance in the middle of its work, and starts another one in its place; meanwhile others are up.
   * @throws where an instance has died by itself
   */
  async killOne(): Promise<void> {
    const place = await until(
      'an instance is at work, and another one is up',
      () => {
        if (this.failed.length > 0) throw new Error(`An instance did not answer:\n${this.unexplained.join('\n')}`);
        const up = this.places.filter(({ isUp }) => isUp);
        return up.length < 2 ? undefined : shuffled(up).find(({ waiting }) => waiting > 0);
      },
      PATIENCE,
    );
    place.isUp = false;
    place.process.signal('SIGKILL');
    const { code, signal, stdout, stderr } = await ended(place.process);
    if (signal !== 'SIGKILL') throw new Error(`It had died by itself (${code ?? signal}):\n${stdout}${stderr}`);
    const starting = this.startAgain(place);
    // Told of by `settle`.
    starting.catch(() => undefined);
    this.starts.add(starting);
  }

  /** Waits until all instances are up, and say so. */
  async settle(): Promise<void> {
    await Promise.all(this.starts);
    for (const url of this.urls) {
      await until(
        'an instance is ready',
        async () => (await call(`${url}/health/ready`, { method: 'GET' })).status === 200 || undefined,
        PATIENCE,
      );
    }
  }

  /** Asks all to shut down. */
  stop(): Promise<Ended[]> {
    return Promise.all(this.places.map(({ process }) => stop(process)));
  }

  private async add(): Promise<void> {
    const process = await startProcess({ env: this.env }, PATIENCE);
    this.processes.push(process);
    this.places.push({ process, waiting: 0, isUp: true });
  }

  /** It isn't asked any more to be killed: that would hide how it ended. */
  private giveUp(place: Place, error: unknown): void {
    place.isUp = false;
    this.failed.push({ process: place.process, error });
  }

  private async startAgain(place: Place): Promise<void> {
    const env = { ...this.env, PORT: String(place.process.port) };
    const givesUpAt = performance.now() + PATIENCE;
    // As an orchestrator does: one whose database was away for longer than a start waits is started again.
    const start = (): Promise<ServiceProcess> =>
      startProcess({ env }, PATIENCE).catch((error: Error) => {
        if (performance.now() > givesUpAt || !error.message.includes(DATABASE_AWAY)) throw error;
        return start();
      });
    place.process = await start();
    this.processes.push(place.process);
    place.isUp = true;
  }
}

/** For how long something is waited for that takes its time, in milliseconds. */
export const PATIENCE = limit(50_000);

/** In another order. */
export function shuffled<T>(all: readonly T[]): T[] {
  const keyed = all.map((value) => ({ value, key: Math.random() }));
  return keyed.toSorted((one, other) => one.key - other.key).map(({ value }) => value);
}

/** Sends until an answer of such a status comes, as a client does that was told to come again. */
export async function insist(send: () => Promise<Answer>, isDone: (status: number) => boolean): Promise<Answer> {
  const givesUpAt = performance.now() + PATIENCE;
  for (;;) {
    const answer = await send().catch(() => undefined);
    if (answer && isDone(answer.status)) return answer;
    if (performance.now() > givesUpAt) throw new Error(`The last answer was ${answer?.status} ${answer?.text}.`);
    await delay(100);
  }
}
