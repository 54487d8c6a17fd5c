import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { readFile } from 'node:fs/promises';
import type { AddressInfo, Server, Socket } from 'node:net';
import { basename, join, resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose';
import { call, json } from '../http/http.js';
import { Latch } from './latch.js';
import { selfSignedCertificate } from '../http/self-signed-certificate.js';

/** What `tsc -p src/client` has made of the client library, and a page that uses it. */
const LIBRARY = resolve('dist/client');
const APP = resolve('test/fixtures/client-app');

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

/** A request to the API, and how it was answered. */
export interface ApiCall {
  readonly method: string;
  readonly path: string;
  /** The credentials, as they came. */
  readonly authorization: string | undefined;
  /** Whose they are, where they are good. */
  readonly subject: string | undefined;
  readonly status: number;
  readonly type: string | undefined;
  readonly body: Buffer;
}

/**
 * A web app's server: its page with the client library, and below `/api/` an API that answers 401 unless the access
 * token is good.
 */
export class AppServer {
  /** What came to the API, in the order in which it was answered. */
  readonly calls: ApiCall[] = [];
  /** Where the API's answers wait. */
  readonly answers = new Latch();
  private verify: (token: string) => Promise<string | undefined> = () => Promise.resolve(undefined);
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly scheme: 'http' | 'https',
  ) {
    const handle = (request: Request, response: Response) =>
      void this.handle(request, response).catch(() => response.destroy());
    server.on('request', handle).on('connection', (socket) => {
      this.sockets.add(socket.once('close', () => this.sockets.delete(socket)));
    });
  }

  static start(): Promise<AppServer> {
    return new AppServer(createServer(), 'http').listen();
  }

  /** By HTTP/2, without which browsers send no streams; nobody has signed its certificate. */
  static startSecure(): Promise<AppServer> {
    return new AppServer(createSecureServer({ ...selfSignedCertificate(), allowHTTP1: true }), 'https').listen();
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.scheme}://localhost:${this.port}`;
  }

  /** How often the API has answered 401. */
  get refusals(): number {
    return this.calls.filter(({ status }) => status === 401).length;
  }

  /** Verifies with the keys of a service, by a clock. */
  async trust(service: string, now: () => number): Promise<void> {
    const answer = await call(`${service}/.well-known/jwks.json`, { method: 'GET' });
    const keySet = createLocalJWKSet(json<JSONWebKeySet>(answer));
    this.verify = async (token) => {
      const { payload } = await jwtVerify(token, keySet, { typ: 'at+jwt', currentDate: new Date(now()) });
      return payload.sub;
    };
  }

  async close(): Promise<void> {
    this.sockets.forEach((socket) => socket.destroy());
    await new Promise((closed) => this.server.close(closed));
  }

  private async listen(): Promise<this> {
    await new Promise<void>((listening) => this.server.listen(0, '127.0.0.1', listening));
    return this;
  }

  private async handle(request: Request, response: Response): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    if (!pathname.startsWith('/api/')) return serveFile(pathname, response);
    response.setHeader('Access-Control-Allow-Origin', request.headers.origin ?? '*');
    response.setHeader('Access-Control-Allow-Headers', 'authorization, content-type');
    response.setHeader('Access-Control-Allow-Methods', 'GET, POST, PUT');
    response.setHeader('Access-Control-Max-Age', '600');
    if (request.method === 'OPTIONS') {
      response.statusCode = 204;
      return void response.end();
    }
    await this.answerCall(request, response, pathname, searchParams.get('to'));
  }

  /** @param to where it redirects to */
  private async answerCall(request: Request, response: Response, path: string, to: string | null): Promise<void> {
    const { method = '', headers } = request;
    const { authorization, 'content-type': type } = headers;
    const received = await buffer(request);
    const token = authorization?.replace('Bearer ', '');
    const subject = token === undefined ? undefined : await this.verify(token).catch(() => undefined);
    const status = subject === undefined ? 401 : to ? 307 : 200;
    await this.answers.pass();
    this.calls.push({ method, path, authorization, subject, status, type, body: received });
    if (to) response.setHeader('Location', to);
    response.statusCode = status;
    const body = new PassThrough();
    body.write(subject ?? 'The API says 401');
    // Of a refusal there, more is always to come.
    if (path !== '/api/endless' || subject !== undefined) body.end();
    body.pipe(response);
  }
}

async function serveFile(path: string, response: Response): Promise<void> {
  const [, script] = /^\/client\/((?:storage\/)?[\w-]+(?:\.[\w-]+)?\.js)$/.exec(path) ?? [];
  const file = script ? join(LIBRARY, script) : join(APP, path === '/' ? 'index.html' : basename(path));
  response.setHeader('Content-Type', file.endsWith('.js') ? 'text/javascript' : 'text/html');
  response.end(await readFile(file));
}
