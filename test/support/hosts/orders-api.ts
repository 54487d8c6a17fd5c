import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { TestClock } from '../test-clock.js';

/** What the API has read of a request. */
export interface Order {
  readonly sub: string;
  readonly method: string;
  readonly body: string;
}

/** An API that answers with what it has read, where the access token is good by its clock; else 401. */
export class OrdersApi {
  /** The status of every answer. */
  readonly answers: number[] = [];
  /** It answers 503. */
  isDown = false;
  /** It answers nobody. */
  isSilent = false;
  /** How many it has not answered. */
  unanswered = 0;

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  /** @param service where the keys are published */
  static async of(service: string, issuer: string, clock: TestClock): Promise<OrdersApi> {
    const keySet = createRemoteJWKSet(new URL('/.well-known/jwks.json', service));
    const server = createServer(async (request, response) => {
      const [, token = ''] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? [];
      const body = await text(request);
      if (api.isSilent) {
        api.unanswered += 1;
        return;
      }
      const options = { issuer, audience: issuer, currentDate: new Date(clock.now()) };
      const sub = await jwtVerify(token, keySet, options).then(
        ({ payload }) => payload.sub,
        () => undefined,
      );
      const status = api.isDown ? 503 : sub === undefined ? 401 : 200;
      api.answers.push(status);
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ sub, method: request.method, body }));
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    const api = new OrdersApi(server, `http://127.0.0.1:${port}`);
    return api;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }
}
