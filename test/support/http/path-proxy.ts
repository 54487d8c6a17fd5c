import { createServer, request as send, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A reverse proxy that has a service below a path of its own, and takes that path off on the way in. */
export class PathProxy {
  private constructor(
    private readonly server: Server,
    /** Where the service is, as its clients see it. */
    readonly url: string,
  ) {}

  /** @param target the service's own address, known once it has been started */
  static async at(path: string, target: () => string): Promise<PathProxy> {
    const server = createServer((request, response) => {
      const { method = 'GET', headers, url = '' } = request;
      // What is well-known of an issuer with a path stands before that path (RFC 8615 §3).
      const rest = url.startsWith('/.well-known/') ? url : url.replace(path, '');
      const forwarded = send(target() + rest, { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      forwarded.once('error', () => response.destroy());
      request.pipe(forwarded);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    return new PathProxy(server, `http://127.0.0.1:${port}${path}`);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }
}
