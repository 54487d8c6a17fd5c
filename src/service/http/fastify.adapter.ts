import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { HttpAdapterConfig, RequestReader, ServiceHttpAdapter } from './http-adapter.js';
import { readBefore } from './read-before.js';
import { isWellFormed } from './request-target.js';

/** More than Node reads of a request's head: what is too long for an id is none, and not an error of its own. */
const NO_LIMIT = 1_000_000;

/** Fastify, routing as Express does: paths in any case, with or without a slash at their end. */
export class ServiceFastifyAdapter extends FastifyAdapter implements ServiceHttpAdapter {
  constructor({ trustProxy }: HttpAdapterConfig) {
    super({
      // Fastify believes no number of hops; Express counts them so.
      trustProxy: typeof trustProxy === 'number' ? (_address: string, hop: number) => hop < trustProxy : trustProxy,
      routerOptions: { caseSensitive: false, ignoreTrailingSlash: true, maxParamLength: NO_LIMIT },
      // The router would answer a malformed one by itself; `readRequests` refuses it.
      rewriteUrl: ({ url = '/' }) => (isWellFormed(url) ? url : '/'),
      skipMiddie: true,
      multipart: false,
    });
    // No request has a body that Fastify would read.
    for (const method of this.instance.supportedMethods) {
      this.instance.addHttpMethod(method, { hasBody: false, overrideExisting: true });
    }
  }

  readRequests(read: RequestReader): void {
    this.instance.addHook('onRequest', (request, _reply, done) => readBefore(done, read, request.raw, request));
  }

  /** A path's last parameter that takes slashes has a name in Express's grammar, and none in Fastify's. */
  override normalizePath(path: string): string {
    return path.replace(/\*\w+$/, '*');
  }
}
