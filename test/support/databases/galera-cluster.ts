import { existsSync } from 'node:fs';
import { describe } from '@jest/globals';
import { isLeftOut } from './databases.js';
import { canMakeMariadbServers, MariadbServer, programNamed } from './mariadb-server.js';
import { freePort, until } from '../servers/process.js';
import { limit } from '../time.js';

/** Where the packages of distributions put it. */
const PROVIDER = ['/usr/lib/galera/libgalera_smm.so', '/usr/lib64/galera/libgalera_smm.so'].find(existsSync);

/** How long a node may take to have all that the others have, in milliseconds. */
const PATIENCE = limit(60_000);

/** `describe` where a cluster can be made; elsewhere it is skipped, with one visible line, whatever is required. */
export function describeGalera(what: string, suite: () => void): void {
  if (isLeftOut('MariaDB')) return describe.skip(what, suite);
  if (canMakeMariadbServers && PROVIDER && programNamed('rsync')) return describe(what, suite);
  process.stderr.write(
    `\nThere are no mariadbd, libgalera_smm.so and rsync to make a cluster with: "${what}" is skipped.\n`,
  );
  describe.skip(what, suite);
}

/** One server of a cluster. */
export class GaleraNode {
  private constructor(
    private readonly server: MariadbServer,
    private readonly cluster: string,
  ) {}

  /** Makes a node. @param address its own, among all those of its cluster */
  static async install(address: string, addresses: readonly string[]): Promise<GaleraNode> {
    const [transfer, catchingUp] = [await freePort(), await freePort()];
    const server = await MariadbServer.install([
      '--wsrep-on=ON',
      `--wsrep-provider=${PROVIDER}`,
      '--binlog-format=ROW',
      '--innodb-autoinc-lock-mode=2',
      '--wsrep-node-address=127.0.0.1',
      '--wsrep-sst-method=rsync',
      `--wsrep-sst-receive-address=127.0.0.1:${transfer}`,
      `--wsrep-provider-options=${[
        `gmcast.listen_addr=tcp://${address}`,
        `ist.recv_addr=127.0.0.1:${catchingUp}`,
        'gcache.size=16M',
      ].join(';')}`,
    ]);
    return new GaleraNode(server, `--wsrep-cluster-address=gcomm://${addresses.join(',')}`);
  }

  /** What `DATABASE_URL` takes. */
  get url(): string {
    return this.server.url;
  }

  urlOf(database: string): string {
    return this.server.urlOf(database);
  }

  query(sql: string): Promise<Record<string, unknown>[]> {
    return this.server.query(sql);
  }

  createDatabase(name?: string): Promise<void> {
    return this.server.createDatabase(name);
  }

  /** Begins a cluster. */
  begin(): Promise<void> {
    return this.server.start([this.cluster, '--wsrep-new-cluster']);
  }

  /** Joins the cluster, and waits until it has all that the others have. */
  async join(position: readonly string[] = []): Promise<void> {
    await this.server.start([this.cluster, ...position]);
    await until('the node is one of the cluster', async () => ((await this.isReady()) ? true : undefined), PATIENCE);
  }

  /** Comes back after it was killed: the others send what has happened since. */
  async comeBack(): Promise<void> {
    const told = await this.server.runToEnd([this.cluster, '--wsrep-recover']);
    const position = /Recovered position: (\S+:\d+)/.exec(told)?.[1];
    if (!position) throw new Error(`The node does not know where it was:\n${told}`);
    await this.join([`--wsrep-start-position=${position}`]);
  }

  kill(): Promise<void> {
    return this.server.kill();
  }

  /** Whether it is part of the cluster that may write. */
  async isReady(): Promise<boolean> {
    const [row] = await this.query("SHOW STATUS LIKE 'wsrep_ready'");
    return row?.['Value'] === 'ON';
  }

  /** How many of its transactions have lost against one of another node so far. */
  async conflicts(): Promise<number> {
    const rows = await this.query(
      "SHOW STATUS WHERE Variable_name IN ('wsrep_local_cert_failures', 'wsrep_local_bf_aborts')",
    );
    return rows.reduce((sum, row) => sum + Number(row['Value']), 0);
  }

  /** The network between it and the other nodes is cut, until it is one again; clients still reach it. */
  async cutOff(isCutOff: boolean): Promise<void> {
    await this.query(`SET GLOBAL wsrep_provider_options = 'gmcast.isolate=${isCutOff ? 1 : 0}'`);
  }
}

/** A cluster of nodes, with an empty database. `stopMariadbServers` ends them. */
export async function startGaleraCluster(size: number): Promise<GaleraNode[]> {
  const addresses: string[] = [];
  for (let node = 0; node < size; node += 1) addresses.push(`127.0.0.1:${await freePort()}`);
  const nodes: GaleraNode[] = [];
  for (const address of addresses) nodes.push(await GaleraNode.install(address, addresses));
  const [first, ...others] = nodes;
  await first?.begin();
  await first?.createDatabase();
  // One after the other: whoever gives a newcomer all it has is busy meanwhile.
  for (const other of others) await other.join();
  return nodes;
}
