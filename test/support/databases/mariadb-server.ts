import { accessSync, constants } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { describeServers } from './describe-servers.js';
import { emptyFolder, ended, freePort, run, until, type TestProcess } from '../servers/process.js';
import { limit } from '../time.js';

const DATABASE = 'refresh_token';

/** How long a start may take on a busy machine, in milliseconds. */
const PATIENCE = limit(60_000);

/** Where Debian keeps servers, which is on nobody's path but root's. */
const FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];

const [SERVER, INSTALLER] = ['mariadbd', 'mariadb-install-db'].map(programNamed);

/** Whoever is root hands the server over to the user that its package has made. */
const USER = process.getuid?.() === 0 ? ['--user=mysql'] : [];

/** Small and quick, and all that is written stays in its folder. */
const SETTINGS = [
  '--bind-address=127.0.0.1',
  '--skip-name-resolve',
  '--socket=server.sock',
  '--pid-file=server.pid',
  '--innodb-buffer-pool-size=64M',
];

/** Whether servers of a test's own can be made. */
export const canMakeMariadbServers = SERVER !== undefined && INSTALLER !== undefined;

/** `describe` where servers of a test's own can be made. */
export function describeMariadbServers(what: string, suite: () => void): void {
  describeServers('MariaDB', canMakeMariadbServers, 'mariadbd and mariadb-install-db', what, suite);
}

const servers = new Set<MariadbServer>();

/** Ends the servers that are left: for `afterEach` or `afterAll`, before `cleanUp` takes their folders away. */
export async function stopMariadbServers(): Promise<void> {
  await Promise.all([...servers].map((server) => server.kill()));
  servers.clear();
}

/** A MariaDB server of a test's own, in a folder of its own, on a port that stays its own. */
export class MariadbServer {
  private process: TestProcess | undefined;

  private constructor(
    private readonly folder: string,
    private readonly port: number,
    private readonly settings: readonly string[],
  ) {
    servers.add(this);
  }

  /** Makes a server with an empty database, and starts it. @param settings further arguments of the server */
  static async start(settings: readonly string[] = []): Promise<MariadbServer> {
    const server = await MariadbServer.install(settings);
    await server.start();
    await server.createDatabase();
    return server;
  }

  /** Makes a server, and leaves it to the test to start it. @param settings further arguments of the server */
  static async install(settings: readonly string[] = []): Promise<MariadbServer> {
    const folder = await emptyFolder();
    // The server's user passes through it.
    await chmod(folder, 0o711);
    const server = new MariadbServer(join(folder, 'data'), await freePort(), settings);
    const install = ['--no-defaults', ...USER, '--auth-root-authentication-method=normal', '--skip-test-db'];
    const installing = await run(String(INSTALLER), [...install, `--datadir=${server.folder}`], { cwd: folder });
    const { code, stdout, stderr } = await ended(installing, PATIENCE);
    if (code !== 0) throw new Error(`${INSTALLER} has failed:\n${stdout}${stderr}`);
    return server;
  }

  /** What `DATABASE_URL` takes. */
  get url(): string {
    return this.urlOf(DATABASE);
  }

  urlOf(database: string): string {
    return `mysql://root@127.0.0.1:${this.port}/${database}`;
  }

  /** All that the server has said since it was started. */
  get log(): string {
    return this.process?.stderr ?? '';
  }

  /** Runs a statement beside the service. @returns its rows */
  query(sql: string): Promise<Record<string, unknown>[]> {
    return this.ask(sql, DATABASE);
  }

  async createDatabase(name = DATABASE): Promise<void> {
    await this.ask(`CREATE DATABASE ${name}`, '');
  }

  /** Starts it, and waits until it answers. @param settings arguments for this time */
  async start(settings: readonly string[] = []): Promise<void> {
    this.process = await this.run(settings);
    await until(
      'MariaDB answers',
      async () => {
        if (this.process?.hasExited) throw new Error(`MariaDB has exited:\n${this.log}`);
        return this.ask('SELECT 1', '').catch(() => undefined);
      },
      PATIENCE,
    );
  }

  /** Runs it to its end: for arguments with which it does one thing only. @returns all that it has said */
  async runToEnd(settings: readonly string[]): Promise<string> {
    const { stderr } = await ended(await this.run(settings));
    return stderr;
  }

  /** Ends it: it hangs up on everybody and writes all down. */
  async stop(): Promise<void> {
    await this.end('SIGTERM');
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Kills it, and waits until it is gone. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Stops answering, with all connections open, until it goes on. */
  pause(): void {
    this.process?.signal('SIGSTOP');
  }

  goOn(): void {
    this.process?.signal('SIGCONT');
  }

  private run(settings: readonly string[]): Promise<TestProcess> {
    const args = ['--no-defaults', ...USER, `--datadir=${this.folder}`, `--port=${this.port}`, ...SETTINGS];
    return run(String(SERVER), [...args, ...this.settings, ...settings], { cwd: this.folder });
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    if (!this.process || this.process.hasExited) return;
    this.process.signal(signal);
    await ended(this.process);
  }

  private async ask(sql: string, database: string): Promise<Record<string, unknown>[]> {
    const connection = await createConnection(this.urlOf(database));
    try {
      return (await connection.query<RowDataPacket[]>(sql))[0];
    } finally {
      await connection.end();
    }
  }
}

/** The path of a program that is installed, or `undefined`. */
export function programNamed(name: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, name)).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
