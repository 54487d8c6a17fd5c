import { chown, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { describeServers } from './describe-servers.js';
import { limitFileSize } from './file-size-limit.js';
import { postgresBinaries } from './postgres-binaries.js';
import {
  emptyFolder,
  ended,
  freePort,
  run,
  runToEnd,
  until,
  type SystemUser,
  type TestProcess,
} from '../servers/process.js';
import { limit } from '../time.js';

const SUPERUSER = 'postgres';

/** Small and quick, and all that is written stays in its folder. */
const SETTINGS: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '16MB',
  max_connections: '40',
  dynamic_shared_memory_type: 'mmap',
  // What was written survives the death of every process; only a power cut would take it.
  fsync: 'off',
};

/** The log comes in files of a megabyte, so that little is written that nobody needs. */
const INITDB = `--username ${SUPERUSER} --auth trust --no-locale --encoding UTF8 --wal-segsize 1 --no-sync`.split(' ');

/** How a server is told to end (PostgreSQL's own words for it). */
const ENDINGS = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const satisfies Record<string, NodeJS.Signals>;

export type Ending = keyof typeof ENDINGS;

/** What a server is started with, over small defaults. */
export type ServerSettings = Readonly<Record<string, string>>;

/** `describe` where servers of a test's own can be made. */
export function describePostgresServers(what: string, suite: () => void): void {
  describeServers('PostgreSQL', postgresBinaries !== undefined, 'initdb, postgres and pg_basebackup', what, suite);
}

const servers = new Set<PostgresServer>();

/** Ends the servers that are left: for `afterEach` or `afterAll`, before `cleanUp` takes their folders away. */
export async function stopPostgresServers(): Promise<void> {
  await Promise.all([...servers].map((server) => server.stop('immediate')));
  servers.clear();
}

/** A PostgreSQL server of a test's own, in a folder of its own, on a port that stays its own. */
export class PostgresServer {
  private process: TestProcess | undefined;

  private constructor(
    private readonly folder: string,
    private readonly port: number,
    private readonly settings: ServerSettings,
    private readonly user: SystemUser | undefined,
  ) {
    servers.add(this);
  }

  /** Makes a server with an empty database, and starts it. */
  static async start(settings: ServerSettings = {}): Promise<PostgresServer> {
    const server = await PostgresServer.inNewFolder(settings);
    await server.make('initdb', INITDB);
    await server.start();
    return server;
  }

  /** What `DATABASE_URL` takes. */
  get url(): string {
    return `postgres://${SUPERUSER}@127.0.0.1:${this.port}/postgres`;
  }

  /** All that the server has said since it was started. */
  get log(): string {
    return this.process?.stderr ?? '';
  }

  /** Runs a statement beside the service. @returns its rows */
  async query(sql: string): Promise<Record<string, unknown>[]> {
    const client = new Client({ connectionString: this.url, options: '-c default_transaction_read_only=off' });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** Starts it, and waits until it answers. */
  async start(): Promise<void> {
    const settings = { ...SETTINGS, port: String(this.port), ...this.settings };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    this.process = await this.run('postgres', ['-D', this.folder, ...args]);
    await until('PostgreSQL answers', async () => {
      if (this.process?.hasExited) throw new Error(`PostgreSQL has exited:\n${this.log}`);
      return this.query('SELECT 1').catch(() => undefined);
    });
  }

  /** Ends it: `fast` hangs up on everybody and writes all down; `immediate` leaves the rest to the next start. */
  async stop(how: Ending = 'fast'): Promise<void> {
    if (!this.process || this.process.hasExited) return;
    this.process.signal(ENDINGS[how]);
    await ended(this.process);
  }

  async restart(how: Ending = 'fast'): Promise<void> {
    await this.stop(how);
    await this.start();
  }

  /** Kills it, and waits until the last of its processes is gone. */
  async kill(): Promise<void> {
    if (!this.process) return;
    this.process.signal('SIGKILL');
    await ended(this.process);
    await this.freeSharedMemory();
  }

  /** Changes a setting under the connections that are open. */
  async set(name: string, value: string): Promise<void> {
    await this.query(`ALTER SYSTEM SET ${name} = '${value}'`);
    await this.query('SELECT pg_reload_conf()');
  }

  /** Has its processes fail, from now on, to write behind so many bytes of a file; a restart ends it. */
  async limitFiles(bytes: number): Promise<void> {
    const backends = await this.query('SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()');
    await limitFileSize(this.process?.pid, bytes, this.user);
    for (const { pid } of backends) await limitFileSize(Number(pid), bytes, this.user).catch(refuseUnlessGone);
  }

  /**
   * Makes a server that follows this one, and takes no writes until it is promoted.
   * @param through the way to this server, where there is another than its own port
   */
  async addStandby(through = this.url): Promise<PostgresServer> {
    const standby = await PostgresServer.inNewFolder(this.settings);
    const source = new URL(through);
    source.searchParams.set('application_name', standby.name);
    const from = ['-d', source.href, '--write-recovery-conf', '--checkpoint', 'fast', '--no-sync'];
    await standby.make('pg_basebackup', from);
    await standby.start();
    await until('the standby follows', () => this.stateOf(standby));
    return standby;
  }

  /** From now on, no commit is answered before that standby has it. */
  async waitFor(standby: PostgresServer): Promise<void> {
    await this.set('synchronous_standby_names', standby.name);
    await until('the standby is synchronous', async () => (await this.stateOf(standby)) === 'sync' || undefined);
  }

  /** Makes a standby the primary. */
  async promote(): Promise<void> {
    await this.query('SELECT pg_promote()');
  }

  /** Waits until a standby has all that was committed before. */
  async caughtUp(standby: PostgresServer): Promise<void> {
    const [here] = await this.query('SELECT pg_current_wal_lsn() AS lsn');
    await until('the standby has caught up', async () => {
      const [there] = await standby.query(`SELECT pg_last_wal_replay_lsn() >= '${String(here?.['lsn'])}' AS caught_up`);
      return there?.['caught_up'] === true || undefined;
    });
  }

  private get name(): string {
    return `standby_${this.port}`;
  }

  private static async inNewFolder(settings: ServerSettings): Promise<PostgresServer> {
    const [folder, port, user] = await Promise.all([emptyFolder(), freePort(), unprivilegedUser()]);
    if (user) await chown(folder, user.uid, user.gid);
    return new PostgresServer(folder, port, settings, user);
  }

  private async stateOf(standby: PostgresServer): Promise<string | undefined> {
    const [row] = await this.query(
      `SELECT sync_state FROM pg_stat_replication WHERE application_name = '${standby.name}' AND state = 'streaming'`,
    );
    return row?.['sync_state'] as string | undefined;
  }

  private async make(program: string, args: readonly string[]): Promise<void> {
    const { code, stdout, stderr } = await ended(await this.run(program, ['-D', this.folder, ...args]), limit(60_000));
    if (code !== 0) throw new Error(`${program} has failed:\n${stdout}${stderr}`);
  }

  private run(program: string, args: readonly string[]): Promise<TestProcess> {
    return run(join(String(postgresBinaries), program), args, {
      cwd: this.folder,
      env: { LC_ALL: 'C' },
      user: this.user,
    });
  }

  /** Whoever is killed leaves a segment behind, whose id is at the end of the line of the key in its lock file. */
  private async freeSharedMemory(): Promise<void> {
    const lock = await readFile(join(this.folder, 'postmaster.pid'), 'utf8');
    const id = /^ *\d+ +(\d+)$/m.exec(lock)?.[1];
    if (id) await runToEnd('ipcrm', ['-m', id], { cwd: this.folder }).catch(() => undefined);
  }
}

/** A process may have ended since it was listed. */
function refuseUnlessGone(error: Error): void {
  if (!error.message.includes('No such process')) throw error;
}

/** PostgreSQL refuses to run as root; whoever else runs the tests runs their servers, too. */
async function unprivilegedUser(): Promise<SystemUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => runToEnd('id', [flag, 'nobody'])));
  return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
}
