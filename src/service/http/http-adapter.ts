import type { IncomingMessage } from 'node:http';
import type { AbstractHttpAdapter } from '@nestjs/core';
import type { ServiceConfig } from '../service.config.js';

/** What of the configuration an adapter is made with. */
export type HttpAdapterConfig = Pick<ServiceConfig, 'httpAdapter' | 'trustProxy'>;

/** A request as Node has it, and as it came where a router has rewritten its URL. */
export type IncomingRequest = IncomingMessage & { readonly originalUrl?: string };

/**
 * Looks at a request before it is routed. @returns its body, or `undefined` at once where it has none
 * @throws what the request is refused with
 */
export type RequestReader = (request: IncomingRequest) => Promise<unknown> | undefined;

/** What serves HTTP: it reads no body by itself, and routes alike, whichever framework is below. */
export interface ServiceHttpAdapter extends AbstractHttpAdapter {
  /** Has every request read before it is routed; its body is left at `request.body`. */
  readRequests(read: RequestReader): void;
}
