import type { IncomingMessage } from 'node:http';
import type { AbstractHttpAdapter } from '@nestjs/core';
import type { ServiceConfig } from '../service.config.js';

/** The settings that an adapter needs. */
export type HttpAdapterConfig = Pick<ServiceConfig, 'httpAdapter' | 'trustProxy'>;

/** A request of Node's. `originalUrl` is the URL as the client sent it, where the framework has rewritten `url`. */
export type IncomingRequest = IncomingMessage & { readonly originalUrl?: string };

/**
 * Checks a request before it is routed, and reads its body.
 * @returns the body, or `undefined` without waiting where the request has none
 * @throws the error that the request is answered with
 */
export type RequestReader = (request: IncomingRequest) => Promise<unknown> | undefined;

/** An HTTP framework set up for the service: bodies and paths are treated the same whichever framework it is. */
export interface ServiceHttpAdapter extends AbstractHttpAdapter {
  /** Calls `read` for every request before it is routed, and sets `request.body` to the body. */
  readRequests(read: RequestReader): void;
}
