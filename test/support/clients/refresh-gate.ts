import { createServer, request as send, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Latch } from './latch.js';

/** A request of a client that came to the gate. */
export interface Knock {
  readonly path: string;
  /** When it came, in milliseconds of `performance.now`. */
  readonly at: number;
  /** What the service answered, once it has. */
  status?: number;
}

interface OwnAnswer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** Whether pages may read it: what stands before a service often knows nothing of CORS. */
  readonly isReadable?: boolean;
}

/** A reverse proxy before the service, which counts what clients post, and whose faults are in a test's hand. */
export class RefreshGate {
  readonly knocks: Knock[] = [];
  /** Where requests wait on their way to the service. */
  readonly requests = new Latch();
  /** Where answers wait on their way to the client. */
  readonly answers = new Latch();
  private fault: 'lose requests' | 'lose answers' | OwnAnswer | undefined;

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** @param target where the service is, known once it has been started */
  static async before(target: () => string): Promise<RefreshGate> {
    const server = createServer((request, response) => {
      gate.handle(request, response, target()).catch(() => response.destroy());
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const gate = new RefreshGate(server, (server.address() as AddressInfo).port);
    return gate;
  }

  /** How many refreshes came. */
  get refreshes(): number {
    return this.knocks.filter(({ path }) => path === '/refresh_token').length;
  }

  /** What the service answered to refreshes, in the order in which they came. */
  get statuses(): (number | undefined)[] {
    return this.knocks.filter(({ path }) => path === '/refresh_token').map(({ status }) => status);
  }

  /** Cuts the connection before the service has heard anything. */
  loseRequests(): void {
    this.fault = 'lose requests';
  }

  /** Cuts the connection once the service has answered. */
  loseAnswers(): void {
    this.fault = 'lose answers';
  }

  /** Answers in the service's place. */
  answer(answer: OwnAnswer): void {
    this.fault = answer;
  }

  /** Works. */
  pass(): void {
    this.fault = undefined;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }

  private async handle(request: IncomingMessage, response: ServerResponse, target: string): Promise<void> {
    const { method, url = '/' } = request;
    // Chromium repeats by itself what was sent over a used connection that is cut.
    response.setHeader('Connection', 'close');
    // What a browser asks ahead of a request is no request.
    if (method !== 'POST') return forward(request, response, target, () => Promise.resolve());

    const knock: Knock = { path: url, at: performance.now() };
    this.knocks.push(knock);
    const { fault } = this;
    await this.requests.pass();
    if (fault === 'lose requests') return void response.destroy();
    if (typeof fault === 'object') return answerItself(request, response, fault);
    await forward(request, response, target, async (status) => {
      knock.status = status;
      await this.answers.pass();
      if (fault === 'lose answers') response.destroy();
    });
  }
}

async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  target: string,
  arrived: (status: number) => Promise<void>,
): Promise<void> {
  const { method, url = '/', headers } = request;
  const answer = await new Promise<IncomingMessage>((answered, failed) => {
    const onward = send(target + url, { method, headers, agent: false }, answered);
    onward.once('error', failed);
    request.pipe(onward);
  });
  const body = await text(answer);
  await arrived(answer.statusCode ?? 0);
  response.writeHead(answer.statusCode ?? 502, { ...answer.headers, connection: 'close' }).end(body);
}

function answerItself(request: IncomingMessage, response: ServerResponse, answer: OwnAnswer): void {
  const { status, headers, body = '', isReadable = true } = answer;
  const readable = {
    'Access-Control-Allow-Origin': request.headers.origin,
    'Access-Control-Allow-Credentials': 'true',
    'Access-Control-Expose-Headers': 'Retry-After',
  };
  response.writeHead(status, { ...headers, ...(isReadable && readable) }).end(body);
}
