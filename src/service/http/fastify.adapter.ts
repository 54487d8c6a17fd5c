import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { HttpAdapterConfig, RequestReader, ServiceHttpAdapter } from './http-adapter.js';
import { readBefore } from './read-before.js';
import { isWellFormed } from './request-target.js';

/**
 * The longest parameter of a path, in characters: more than Node reads of a request. A handler answers an id that is
 * too long as it answers any unknown id; Fastify's router would answer with an error of its own.
 */
const NO_LIMIT = 1_000_000;

/** Fastify with the routing of Express: a path matches in upper or lower case, with or without a slash at its end. */
export class ServiceFastifyAdapter extends FastifyAdapter implements ServiceHttpAdapter {
  constructor({ trustProxy }: HttpAdapterConfig) {
    super({
      // In Express, a number says how many proxies are trusted. Fastify takes a function for that.
      trustProxy: typeof trustProxy === 'number' ? (_address: string, hop: number) => hop < trustProxy : trustProxy,
      routerOptions: { caseSensitive: false, ignoreTrailingSlash: true, maxParamLength: NO_LIMIT },
      // The router would answer a malformed path by itself. `readRequests` refuses the path with our own error.
      rewriteUrl: ({ url = '/' }) => (isWellFormed(url) ? url : '/'),
      skipMiddie: true,
      multipart: false,
    });
    // `readRequests` has read the body: Fastify must not read it again.
    for (const method of this.instance.supportedMethods) {
      this.instance.addHttpMethod(method, { hasBody: false, overrideExisting: true });
    }
  }

  readRequests(read: RequestReader): void {
    this.instance.addHook('onRequest', (request, _reply, done) => readBefore(done, read, request.raw, request));
  }

  /** Removes the name of a wildcard at the end of a path: Express requires a name, Fastify allows none. */
  override normalizePath(path: string): string {
    return path.replace(/\*\w+$/, '*');
  }
}
