import type { Server } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import { AuthExceptionFilter } from '../../auth/http/auth.exception-filter.js';
import { TIME_BUDGET } from '../../auth/runtime/time-budget.js';
import { Draining } from './draining.js';
import type { ServiceConfig } from '../service.config.js';
import { SERVICE_CONFIG } from '../injection-tokens.js';
import { answerClientError } from './client-errors.js';
import { allowOrigins } from './cors.js';
import type { ServiceHttpAdapter } from './http-adapter.js';
import { readRequest } from './request-reader.js';

/**
 * Sets up time limits, answers to unreadable requests, shut-down, CORS, body parsing and the exception filter.
 * @param app created with `bodyParser: false`: the service reads bodies before they are routed
 */
export function configureHttp(app: INestApplication): void {
  const adapter = app.getHttpAdapter() as ServiceHttpAdapter;
  const server = app.getHttpServer() as Server;
  limitTimes(server);
  server.removeAllListeners('clientError').on('clientError', answerClientError);
  app.get(Draining).watch(server);
  allowOrigins(app, app.get<ServiceConfig>(SERVICE_CONFIG));
  adapter.readRequests(readRequest);
  app.useGlobalFilters(app.get(AuthExceptionFilter));
}

/** Requests have a few hundred bytes, so a client that takes long to send one holds a connection for nothing. */
function limitTimes(server: Server): void {
  server.headersTimeout = TIME_BUDGET.requestHead;
  server.requestTimeout = TIME_BUDGET.request;
  // Longer than a load balancer's idle time (60 s as a rule): were the service to close first, a request could be lost.
  server.keepAliveTimeout = TIME_BUDGET.keepAlive;
}
