import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';

/** A public address, known before the service behind it starts, and there when the service isn't. */
export class PublicAddress {
  private target: URL | undefined;

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async open(): Promise<PublicAddress> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = new PublicAddress(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on('connection', (client) => {
      client.on('error', () => undefined);
      if (!address.target) return void client.destroy();
      const upstream = connect(Number(address.target.port), address.target.hostname);
      upstream.on('error', () => client.destroy());
      client.pipe(upstream).pipe(client);
    });
    return address;
  }

  /** What stands behind it from now on; without any, connections are cut. */
  leadTo(url?: string): void {
    this.target = url === undefined ? undefined : new URL(url);
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    await closed;
  }
}
