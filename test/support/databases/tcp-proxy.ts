import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../servers/process.js';

type Mode = 'pass' | 'stall' | 'lose answers' | 'lose one answer';

/** A network between the service and its database, whose faults are in a test's hand. */
export class TcpProxy {
  private mode: Mode = 'pass';
  private server: Server | undefined;
  private port = 0;
  private latency = 0;
  private readonly links = new Set<Link>();

  private constructor(private target: URL) {}

  /** Stands in front of a database; `url` is the way through it. */
  static async before(databaseUrl: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(new URL(databaseUrl));
    await proxy.pass();
    return proxy;
  }

  /** The database's address through this network. */
  get url(): string {
    const url = new URL(this.target);
    url.hostname = '127.0.0.1';
    url.port = String(this.port);
    return url.href;
  }

  /** Works; what was held back is delivered. */
  async pass(): Promise<void> {
    this.mode = 'pass';
    this.latency = 0;
    this.links.forEach((link) => link.resume());
    if (this.server) return;
    this.server = createServer({ allowHalfOpen: true }, (client) => this.accept(client));
    await new Promise<void>((done) => this.server?.listen(this.port, '127.0.0.1', done));
    this.port = (this.server.address() as AddressInfo).port;
  }

  /** Leads new connections to another server, as a fixed address does after a failover; open ones stay. */
  leadTo(databaseUrl: string): void {
    this.target = new URL(databaseUrl);
  }

  /** Takes so many milliseconds to deliver anything, either way. */
  slowDown(milliseconds: number): void {
    this.latency = milliseconds;
  }

  /** Cuts every connection, and refuses new ones. */
  async refuse(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    const closed = new Promise<void>((done) => (server ? server.close(() => done()) : done()));
    this.cut();
    await closed;
  }

  /** Delivers nothing any more, on open connections and on new ones. */
  stall(): void {
    this.mode = 'stall';
    this.links.forEach((link) => link.pause());
  }

  /** Open connections are dead for ever, and nobody is told; new ones work. */
  forgetConnections(): void {
    for (const link of this.links) link.abandon();
  }

  /** Delivers what the service says, and cuts the connection on which the database answers. */
  loseAnswers(): void {
    this.mode = 'lose answers';
  }

  /** The same, once: then the network works. */
  loseOneAnswer(): void {
    this.mode = 'lose one answer';
  }

  /** Cuts every connection. */
  cut(): void {
    this.links.forEach((link) => link.cut());
  }

  /** Waits until the service has sent something that is held back, on so many connections. */
  async holdsBack(connections = 1): Promise<void> {
    await until(`${connections} requests are held back`, () =>
      [...this.links].filter((link) => link.holdsBack).length >= connections ? true : undefined,
    );
  }

  async close(): Promise<void> {
    await this.refuse();
  }

  private losesAnswer(): boolean {
    const isLost = this.mode.startsWith('lose');
    if (this.mode === 'lose one answer') this.mode = 'pass';
    return isLost;
  }

  private accept(client: Socket): void {
    const server = connect({ host: this.target.hostname, port: portOf(this.target), allowHalfOpen: true });
    const link = new Link(
      client,
      server,
      () => this.losesAnswer(),
      () => this.latency,
    );
    this.links.add(link);
    void link.closed.then(() => this.links.delete(link));
    if (this.mode === 'stall') link.pause();
  }
}

/** One connection through the network. */
class Link {
  readonly closed: Promise<unknown>;
  /** What is to be done once the network works again; `undefined` while it works. */
  private held: (() => void)[] | undefined;
  private hasHeldRequest = false;
  private isAbandoned = false;

  constructor(
    private readonly client: Socket,
    private readonly server: Socket,
    private readonly losesAnswers: () => boolean,
    private readonly latency: () => number,
  ) {
    this.closed = Promise.all([client, server].map((socket) => new Promise((done) => socket.once('close', done))));
    this.forward(client, server);
    this.forward(server, client);
  }

  get holdsBack(): boolean {
    return this.hasHeldRequest;
  }

  pause(): void {
    this.held ??= [];
  }

  resume(): void {
    if (this.isAbandoned) return;
    const held = this.held ?? [];
    this.held = undefined;
    this.hasHeldRequest = false;
    held.forEach((deliver) => deliver());
  }

  /** Takes everything in and delivers nothing, for ever. */
  abandon(): void {
    this.isAbandoned = true;
    this.pause();
  }

  cut(): void {
    this.client.destroy();
    this.server.destroy();
  }

  private forward(from: Socket, to: Socket): void {
    const send = this.inOrder();
    from.on('data', (chunk: Buffer) => {
      if (from === this.server && this.losesAnswers()) return this.cut();
      if (from === this.client && this.held) this.hasHeldRequest = true;
      send(() => to.write(chunk));
    });
    from.once('end', () => send(() => to.end()));
    from.on('error', () => undefined);
    from.once('close', () => send(() => to.destroy()));
  }

  /** What delivers each thing as late as the network is slow then, and none before the one ahead of it. */
  private inOrder(): (action: () => void) => void {
    let underway = 0;
    let last: Promise<void> = Promise.resolve();
    const arrive = async (ahead: Promise<void>, arrivesAt: number, action: () => void): Promise<void> => {
      await ahead;
      await delay(Math.max(0, arrivesAt - performance.now()));
      underway -= 1;
      this.deliver(action);
    };
    return (action) => {
      if (underway === 0 && this.latency() === 0) return this.deliver(action);
      underway += 1;
      last = arrive(last, performance.now() + this.latency(), action);
    };
  }

  private deliver(action: () => void): void {
    if (this.held) this.held.push(action);
    else action();
  }
}

function portOf({ port, protocol }: URL): number {
  return Number(port || (protocol.startsWith('postgres') ? 5432 : 3306));
}
