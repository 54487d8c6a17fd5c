import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createDatabase, describePostgres, type TestDatabase } from '../support/databases/databases.js';
import { signIn } from '../support/http/http.js';
import { askAll, expectLive, expectRecovery, expectUnavailable } from '../support/servers/outages.js';
import { cleanUp, startProcess, type ServiceProcess } from '../support/servers/process.js';
import { productionEnvironment } from '../support/servers/service.js';

/** How PostgreSQL says that a connection is made, and waits for statements. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
const REASON = 'SFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0';
/** Its last words. */
const DYING = Buffer.concat([Buffer.from('E\0\0\0'), Buffer.from([REASON.length + 4]), Buffer.from(REASON)]);

/** Stands before a PostgreSQL server, and may let it die whenever it has just said that a connection is made. */
class DyingServer {
  isDying = false;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(private readonly target: URL) {
    this.server = createServer((client) => this.accept(client));
  }

  async listen(): Promise<string> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    return Object.assign(new URL(this.target), { port: String((this.server.address() as AddressInfo).port) }).href;
  }

  /** Cuts all connections. */
  cut(): void {
    this.sockets.forEach((socket) => socket.destroy());
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((closed) => this.server.close(closed));
  }

  private accept(client: Socket): void {
    const onward = connect(Number(this.target.port || 5_432), this.target.hostname);
    for (const [socket, other] of [
      [client, onward],
      [onward, client],
    ] as const) {
      this.sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => void (this.sockets.delete(socket), other.destroy()));
    }
    client.pipe(onward);
    onward.on('data', (chunk) => {
      if (!this.isDying || !chunk.subarray(-READY.length).equals(READY)) return client.write(chunk);
      return client.end(Buffer.concat([chunk, DYING]));
    });
  }
}

describePostgres('A connection to PostgreSQL that is lost in the packet in which it is made', () => {
  let database: TestDatabase;
  let server: DyingServer;
  let service: ServiceProcess;

  beforeAll(async () => {
    database = await createDatabase('PostgreSQL');
    server = new DyingServer(new URL(database.url));
    service = await startProcess({ env: productionEnvironment(await server.listen()) });
  });
  afterAll(async () => {
    await cleanUp();
    await server.close();
    await database.drop();
  });

  it('ends no process: requests are 503, and recovery', async () => {
    const { url } = service;
    const { refresh_token } = await signIn(url);
    server.isDying = true;
    server.cut();
    for (let times = 0; times < 3; times += 1) expectUnavailable(await askAll(url, refresh_token));
    await expectLive(url);

    server.isDying = false;
    await expectRecovery(url, []);
    expect(service.hasExited).toBe(false);
  });
});
