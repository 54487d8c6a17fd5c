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

/** Express without `ETag` and `X-Powered-By`. */
export class ServiceExpressAdapter extends ExpressAdapter implements ServiceHttpAdapter {
  constructor({ trustProxy }: HttpAdapterConfig) {
    super();
    this.set('trust proxy', trustProxy);
    this.disable('x-powered-by');
    // Conditional requests would save next to nothing, and the hash takes a quarter of an empty handler's time.
    this.disable('etag');
  }

  /**
   * Creates the server with classes of requests and answers that have Express's prototypes already. Express would
   * change the prototype of each single object, and V8's young generation can't free such objects: that took a third of
   * a refresh's time and doubled the memory.
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
      // Fastify's router decodes paths, Express's doesn't: without this, `/%6Cogout` would be a route of Fastify only.
      request.url = withoutNeedlessEscapes(request.url ?? '/');
      readBefore(next, read, request, request);
    });
  }
}
