import { ExpressAdapter } from '@nestjs/platform-express';
import { readBefore } from './read-before.js';
import { withoutNeedlessEscapes } from './request-target.js';
import type { HttpAdapterConfig, IncomingRequest, RequestReader, ServiceHttpAdapter } from './http-adapter.js';

/** Express, without what no answer of the service needs. */
export class ServiceExpressAdapter extends ExpressAdapter implements ServiceHttpAdapter {
  constructor({ trustProxy }: HttpAdapterConfig) {
    super();
    this.set('trust proxy', trustProxy);
    this.disable('x-powered-by');
    // No answer is worth a conditional request, and the hash costs a quarter of an empty handler's time.
    this.disable('etag');
  }

  readRequests(read: RequestReader): void {
    this.use((request: IncomingRequest & { body?: unknown }, _response: unknown, next: (error?: Error) => void) => {
      // Express's router takes paths as they came, Fastify's decodes them.
      request.url = withoutNeedlessEscapes(request.url ?? '/');
      readBefore(next, read, request, request);
    });
  }
}
