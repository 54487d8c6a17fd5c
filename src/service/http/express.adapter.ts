import { createServer, IncomingMessage, ServerResponse } from 'node:http';
import { ExpressAdapter } from '@nestjs/platform-express';
import { readBefore } from './read-before.js';
import { withoutNeedlessEscapes } from './request-target.js';
import type { HttpAdapterConfig, IncomingRequest, RequestReader, ServiceHttpAdapter } from './http-adapter.js';

/** The part of Express's application that is used here. */
interface ExpressApplication {
  (request: IncomingMessage, response: ServerResponse): void;
  request: IncomingMessage;
  response: ServerResponse;
}

/** Express, without what no answer of the service needs. */
export class ServiceExpressAdapter extends ExpressAdapter implements ServiceHttpAdapter {
  constructor({ trustProxy }: HttpAdapterConfig) {
    super();
    this.set('trust proxy', trustProxy);
    this.disable('x-powered-by');
    // No answer is worth a conditional request, and the hash costs a quarter of an empty handler's time.
    this.disable('etag');
  }

  /**
   * Express changes the prototype of every request and answer, and V8's young generation can then free none of them:
   * it took a third of a refresh's time, and twice the memory. Those of this server have Express's prototype already.
   */
  override initHttpServer(): void {
    const express = this.getInstance<ExpressApplication>();
    class Request extends IncomingMessage {}
    class Response extends ServerResponse {}
    Object.setPrototypeOf(Request.prototype, express.request);
    Object.setPrototypeOf(Response.prototype, express.response);
    express.request = Request.prototype;
    express.response = Response.prototype;
    this.httpServer = createServer({ IncomingMessage: Request, ServerResponse: Response }, express);
  }

  readRequests(read: RequestReader): void {
    this.use((request: IncomingRequest & { body?: unknown }, _response: unknown, next: (error?: Error) => void) => {
      // Express's router takes paths as they came, Fastify's decodes them.
      request.url = withoutNeedlessEscapes(request.url ?? '/');
      readBefore(next, read, request, request);
    });
  }
}
