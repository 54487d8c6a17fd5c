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

/** Sets up HTTP as the wire contract has it. The application must have been created with `bodyParser: false`. */
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

/** A request is a few hundred bytes; nobody needs long to send one. */
function limitTimes(server: Server): void {
  server.headersTimeout = TIME_BUDGET.requestHead;
  server.requestTimeout = TIME_BUDGET.request;
  // Longer than the idle time of the usual load balancers (60 s): the side that sends must be the one that closes.
  server.keepAliveTimeout = TIME_BUDGET.keepAlive;
}
