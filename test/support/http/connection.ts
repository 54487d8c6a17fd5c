import { once } from 'node:events';
import { Agent, request as send, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Answer } from './http.js';

interface Request {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** A request of which the service has read the head, and waits for the body. */
export interface BegunRequest {
  finish(): Promise<Answer>;
}

/** One connection that is kept open over several requests, as a proxy's pool keeps it. */
export class Connection {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });
  private isOpen = false;

  constructor(private readonly url: string) {}

  /** Sends a request on this connection. @throws where it has been closed */
  async request(path: string, { body, ...request }: Request = {}): Promise<Answer> {
    return this.answer(this.send(path, request).end(body));
  }

  /** Sends a request's head, and waits until the service has read it. */
  async begin(path: string, { body = '', headers, ...request }: Request = {}): Promise<BegunRequest> {
    const begun = this.send(path, { ...request, headers: { ...headers, Expect: '100-continue' } });
    begun.flushHeaders();
    await once(begun, 'continue');
    // It may be cut while nobody waits for its answer.
    begun.on('error', () => undefined);
    return { finish: () => this.answer(begun.end(body)) };
  }

  private send(path: string, request: Request): ClientRequest {
    return send(`${this.url}${path}`, { method: 'POST', ...request, agent: this.agent });
  }

  private async answer(request: ClientRequest): Promise<Answer> {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    if (this.isOpen && !request.reusedSocket) throw new Error('The connection was closed, and opened again.');
    this.isOpen = true;
    const chunks = (await response.toArray()) as Buffer[];
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      text: Buffer.concat(chunks).toString(),
    };
  }
}
