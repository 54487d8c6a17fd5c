import { createServer, request as send, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import type { IssuedSession } from 'nest-refresh-token';
import { json, postSession } from '../http/http.js';

/** What `tsc -p src/client` has made of the client library. */
const CLIENT = resolve('dist/client');
/** What of the service is called through the site. */
const OF_THE_SERVICE = /^\/(?:refresh_token|logout|sessions)\b/;
const PAGE = '<!doctype html><html lang="en"><title>A page</title><h1>A page</h1></html>';

/** Something that listens on this machine, under each of its names. */
export interface Site {
  readonly port: number;
  close(): Promise<void>;
}

/** A request that the site handed on, and how it was answered. */
export interface Forwarded {
  readonly path: string;
  readonly status: number;
  readonly hadCookie: boolean;
  readonly hadAuthorization: boolean;
}

/** The site of a backend that signs users in: its pages and its login, and the service below the same origin. */
export interface BackendSite extends Site {
  readonly forwarded: Forwarded[];
}

/** Pages of an origin, an empty one at every path, with the client library at `/client/`. */
export function servePages(): Promise<Site> {
  return serve(answerPage);
}

/**
 * A backend's site before the service: `POST /login` starts a session for alice with the service key, and hands the
 * service's `set_cookie` on to the browser.
 */
export async function serveBackend(serviceUrl: string): Promise<BackendSite> {
  const forwarded: Forwarded[] = [];
  const site = await serve(async (request, response) => {
    const { url = '/' } = request;
    if (OF_THE_SERVICE.test(url)) return forward(request, response, serviceUrl, forwarded);
    return url === '/login' ? signIn(serviceUrl, response) : answerPage(request, response);
  });
  return { ...site, forwarded };
}

async function signIn(serviceUrl: string, response: ServerResponse): Promise<void> {
  const session = json<IssuedSession & { set_cookie: string }>(await postSession(serviceUrl, { subject: 'alice' }));
  const { access_token, expires_in, session_id } = session;
  response.setHeader('Set-Cookie', session.set_cookie);
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ access_token, expires_in, session_id }));
}

/** As a reverse proxy does that leaves `Host` as it is. */
function forward(request: IncomingMessage, response: ServerResponse, to: string, forwarded: Forwarded[]): void {
  const { url: path = '/', method, headers } = request;
  const onward = send(`${to}${path}`, { method, headers, agent: false }, (answer) => {
    const { statusCode: status = 0 } = answer;
    const [hadCookie, hadAuthorization] = [headers.cookie !== undefined, headers.authorization !== undefined];
    forwarded.push({ path, status, hadCookie, hadAuthorization });
    response.writeHead(status, answer.headers);
    answer.pipe(response);
  });
  onward.once('error', () => response.destroy());
  request.pipe(onward);
}

/** A page, a script of the client library, or a redirect that keeps the method: `/away?<where to>`. */
async function answerPage({ url = '/' }: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, away] = /^\/away\?(.+)$/.exec(url) ?? [];
  if (away) return void response.writeHead(307, { Location: away }).end();
  const [, script] = /^\/client\/((?:storage\/)?[\w-]+(?:\.[\w-]+)?\.js)$/.exec(url) ?? [];
  response.setHeader('Content-Type', script ? 'text/javascript' : 'text/html');
  response.end(script ? await readFile(join(CLIENT, script)) : PAGE);
}

async function serve(handle: (request: IncomingMessage, response: ServerResponse) => Promise<void> | void) {
  const server: Server = createServer((request, response) => {
    Promise.resolve(handle(request, response)).catch(() => response.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    close: () =>
      new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
