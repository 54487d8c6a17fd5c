import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { TestClock } from '../test-clock.js';

/** Somebody's API: it answers with the user where the access token is good by its clock, else 401. */
export class VerifyingApi {
  /** How often it has answered 401. */
  refusals = 0;

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  /** @param service where the keys are published */
  static async of(service: string, issuer: string, clock: TestClock): Promise<VerifyingApi> {
    const keySet = createRemoteJWKSet(new URL('/.well-known/jwks.json', service));
    const server = createServer((request, response) => {
      const [, token = ''] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? [];
      const currentDate = new Date(clock.now());
      jwtVerify(token, keySet, { issuer, audience: issuer, typ: 'at+jwt', currentDate }).then(
        ({ payload }) =>
          response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ sub: payload.sub })),
        () => {
          api.refusals += 1;
          response.writeHead(401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' }).end();
        },
      );
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    const api = new VerifyingApi(server, `http://127.0.0.1:${port}`);
    return api;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }
}
