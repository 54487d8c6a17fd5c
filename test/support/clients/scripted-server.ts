import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A request that has arrived. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How a request is answered, or not. */
export type Script = (response: ServerResponse, request: Seen) => void | Promise<void>;

/** An HTTP server that answers as a test says, and remembers what it was asked. */
export class ScriptedServer {
  readonly requests: Seen[] = [];
  private readonly scripts = new Map<string, Script>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<ScriptedServer> {
    const server = createServer();
    const scripted = new ScriptedServer(server);
    server.on('request', (request, response) => {
      void (async () => {
        const path = (request.url ?? '').split('?')[0] as string;
        const seen = { method: request.method ?? '', path, headers: request.headers, body: await text(request) };
        scripted.requests.push(seen);
        await (scripted.scripts.get(path) ?? answer(404))(response, seen);
      })();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return scripted;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Answers requests to a path in turn; the last script goes on. */
  script(path: string, ...scripts: [Script, ...Script[]]): void {
    const [last] = scripts.slice(-1) as [Script];
    this.scripts.set(path, (response, request) => (scripts.shift() ?? last)(response, request));
  }

  /** What was asked at a path. */
  seen(path: string): Seen[] {
    return this.requests.filter((request) => request.path === path);
  }

  /** With which tokens a path was asked. */
  tokens(path: string): (string | undefined)[] {
    return this.seen(path).map(({ headers }) => headers.authorization?.replace('Bearer ', ''));
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}

/** An answer; an object is sent as JSON. */
export function answer(status: number, body: object | string = '', headers: Record<string, string> = {}): Script {
  return (response) => {
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

/** New tokens: `access-2` and `refresh-2`, then `access-3` … */
export function rotating(more: object = {}, first = 2): Script {
  let n = first;
  return (response, request) => {
    const tokens = { access_token: `access-${n}`, refresh_token: `refresh-${n}`, expires_in: 3_600 };
    n += 1;
    return answer(200, { ...tokens, ...more })(response, request);
  };
}

/** The connection is cut before an answer. */
export const drop: Script = (response) => void response.destroy();

/** The connection is cut in the middle of an answer. */
export const half: Script = (response) => {
  response.writeHead(200, { 'Content-Length': '100' }).write('{"access_token": "access-2", ');
  setTimeout(() => response.destroy(), 20);
};

/** No answer ever comes. */
export const silence: Script = () => undefined;

/** Requests that wait for their answer until the test lets them go on. */
export class Gate {
  private open!: () => void;
  private readonly opened = new Promise<void>((done) => {
    this.open = done;
  });

  /** Answers by `script`, once it was released. */
  before(script: Script): Script {
    return async (response, request) => {
      await this.opened;
      await script(response, request);
    };
  }

  release(): void {
    this.open();
  }
}

/** An API that takes these access tokens only. */
export function guarded(...accessTokens: string[]): Script {
  return (response, request) => {
    const isGood = accessTokens.includes((request.headers.authorization ?? '').replace('Bearer ', ''));
    return answer(isGood ? 200 : 401, isGood ? request.body : 'refused')(response, request);
  };
}
