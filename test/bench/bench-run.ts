import { contenders, isAskedFor, type Contender, type DatabaseKind, type Measured } from './contenders.js';
import { generatorShare, type NotAvailable, type Round, type RowCount, type TopSpeed } from './measurement.js';
import { NotAvailableError, reasonOf } from './not-available.error.js';
import type { BenchOptions } from './options.js';
import { peakMemory } from './process-usage.js';
import type { Step } from './progress.js';
import type { Rig } from './rig.js';
import { CONNECTIONS, FULL, QUICK, quickSeconds, type Scale } from './scale.js';
import type { ServerProcess } from './server-process.js';
import { startProgram, startService } from './servers.js';
import { SessionDatabases, type SessionDatabase } from './session-databases.js';
import { SizeMeasurement, TIMES, type SizeResult } from './size-measurement.js';
import { orderOf } from './statistics.js';

/** What is asked for by `--only size`. */
const SIZE = 'size';
const RESPONDERS = ['net-responder', 'http-responder'];

/** The steps of a run, and what they find. */
export class BenchRun {
  readonly rounds = new Map<string, Round[]>();
  readonly notAvailable: NotAvailable[] = [];
  readonly rows: RowCount[] = [];
  readonly topSpeeds: TopSpeed[] = [];
  readonly all: readonly Measured[];
  size: SizeResult | undefined;
  private readonly scale: Scale;
  private readonly made: SessionDatabases;
  private readonly databases = new Map<string, SessionDatabase>();
  private readonly servers = new Map<string, ServerProcess>();
  private measurementsLeft: number;

  constructor(
    private readonly rig: Rig,
    private readonly options: BenchOptions,
    /** Why which databases can't be measured. */
    missing: ReadonlyMap<DatabaseKind, string>,
  ) {
    this.scale = options.isQuick ? QUICK : FULL;
    this.all = contenders({ ...this.scale, only: options.only }).filter((measured) => {
      const reason = measured.kind === 'service' ? missing.get(measured.database) : undefined;
      if (reason !== undefined) this.notAvailable.push({ name: measured.name, reason });
      return reason === undefined;
    });
    this.made = new SessionDatabases(rig);
    this.measurementsLeft = this.all.length * options.rounds;
  }

  /** All that is to be done, in its order. */
  steps(): Step[] {
    const { rounds } = this.options;
    const services = this.all.filter((measured) => measured.kind === 'service');
    const databases = [...new Map(services.map((service) => [databaseOf(service), service])).values()];
    return [
      ...RESPONDERS.map((responder) => this.checking(responder)),
      this.makingSessions(services),
      ...(isAskedFor(SIZE, this.options.only) ? [this.sizing()] : []),
      ...databases.map((service) => this.filling(service, services)),
      ...this.all.map((measured) => this.starting(measured)),
      ...Array.from({ length: rounds }, (_, round) =>
        orderOf(round, rounds, this.all).map((measured) => this.measuring(measured, round)),
      ).flat(),
      ...databases.map((service) => this.counting(service)),
      this.stopping(),
    ];
  }

  private checking(responder: string): Step {
    return {
      name: `the generator's top speed, ${responder}`,
      estimate: () => 0.5 + this.scale.warmUp + this.scale.check,
      run: async () => {
        const server = await startProgram(this.rig, responder);
        const result = await this.rig.generator.load({
          ...target(server),
          pool: null,
          mustRotate: false,
          warmUp: this.scale.warmUp,
          seconds: this.scale.check,
        });
        await server.stop();
        refuseFailures(result.failures);
        const perSecond = result.answers / result.seconds;
        this.topSpeeds.push({ responder, perSecond, generatorShare: generatorShare(result) });
        return `${Math.round(perSecond)} answers/s`;
      },
    };
  }

  private makingSessions(services: readonly Contender[]): Step {
    const count = Math.max(this.scale.sized, ...services.map(({ sessions }) => sessions));
    return {
      name: 'sessions and their tokens',
      estimate: () => count / 100_000,
      run: async () => {
        await this.made.makeSessions(count);
        return String(count);
      },
    };
  }

  private sizing(): Step {
    const { sized } = this.scale;
    return {
      name: `what ${sized} sessions take, refreshed ${TIMES} times each`,
      estimate: () => 4 + (sized * TIMES) / 3_000,
      run: async () => {
        const measurement = new SizeMeasurement(this.rig, this.made, sized, CONNECTIONS);
        this.size = await measurement.run();
        return `${this.size.before.vacuumed} bytes, then ${this.size.after.vacuumed}`;
      },
    };
  }

  private filling(service: Contender, services: readonly Contender[]): Step {
    const { database: kind, sessions } = service;
    const name = databaseOf(service);
    return {
      name: `database ${name}`,
      estimate: () => 2 + sessions / 40_000,
      run: async () => {
        try {
          const database = await this.made.make(kind, this.rig.sources[kind], sessions, name);
          this.databases.set(name, database);
          return 'filled';
        } catch (error) {
          return this.leaveOut(
            services.filter((other) => databaseOf(other) === name),
            error,
          );
        }
      },
    };
  }

  private starting(measured: Measured): Step {
    return {
      name: `start ${measured.name}`,
      estimate: () => 1,
      run: async () => {
        try {
          const server = await this.start(measured);
          if (!server) return 'not available';
          this.servers.set(measured.name, server);
          return 'ready';
        } catch (error) {
          return this.leaveOut([measured], error);
        }
      },
    };
  }

  /** @throws the error where it is another than that something is not available */
  private leaveOut(all: readonly Measured[], error: unknown): string {
    if (!(error instanceof NotAvailableError)) throw error;
    const reason = reasonOf(error);
    all.forEach(({ name }) => this.notAvailable.push({ name, reason }));
    return `not available: ${reason}`;
  }

  private async start(measured: Measured): Promise<ServerProcess | undefined> {
    if (measured.kind === 'baseline') return startProgram(this.rig, measured.program);
    const filled = this.databases.get(databaseOf(measured));
    return filled && startService(this.rig, { ...measured, database: filled.database.url, isUnderTest: true });
  }

  private measuring(measured: Measured, round: number): Step {
    const { name } = measured;
    return {
      name: `round ${round + 1}, ${name}`,
      estimate: () => this.scale.warmUp + this.seconds(),
      run: async () => {
        const seconds = this.seconds();
        this.measurementsLeft -= 1;
        const server = this.servers.get(name);
        if (!server) return 'not available';
        const result = await this.rig.generator.load({
          ...target(server),
          pool: measured.kind === 'service' ? databaseOf(measured) : null,
          mustRotate: measured.kind === 'service' && measured.leeway === 'none',
          warmUp: this.scale.warmUp,
          seconds,
        });
        const rounds = this.rounds.get(name) ?? [];
        this.rounds.set(name, [...rounds, { ...result, round, peakMemory: peakMemory(server.pid) }]);
        return outcomeOf(result);
      },
    };
  }

  private counting(service: Contender): Step {
    const name = databaseOf(service);
    return {
      name: `rows of ${name}`,
      estimate: () => 0.2 + service.sessions / 5_000_000,
      run: async () => {
        const filled = this.databases.get(name);
        if (!filled) return 'not available';
        const after = await filled.database.rows();
        this.rows.push({ database: name, before: filled.sessions, after });
        return String(after);
      },
    };
  }

  /** In good order, since that is when a profile is written. */
  private stopping(): Step {
    return {
      name: 'stop the servers',
      estimate: () => 3,
      run: async () => {
        await Promise.all([...this.servers.values()].map((server) => server.stop()));
        return 'stopped';
      },
    };
  }

  private seconds(): number {
    return this.options.seconds ?? quickSeconds(performance.now() / 1_000, this.measurementsLeft);
  }
}

/** Contenders that differ in adapter and leeway share a database, as instances do. */
function databaseOf({ database, sessions }: Contender): string {
  return `${database}/${sessions}`.toLowerCase();
}

function target({ port, pid }: ServerProcess): { port: number; pid: number; connections: number } {
  return { port, pid, connections: CONNECTIONS };
}

function refuseFailures(failures: Readonly<Record<string, number>>): void {
  const [failure] = Object.entries(failures);
  if (failure) throw new Error(`${failure[1]} times: ${failure[0]}`);
}

function outcomeOf({ answers, seconds, p50, p99, failures }: Omit<Round, 'round' | 'peakMemory'>): string {
  const wrong = Object.entries(failures).map(([reason, count]) => `WRONG ${count} times: ${reason}`);
  const figures = `${Math.round(answers / seconds)}/s, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`;
  return [figures, ...wrong].join('; ');
}
