import type { IncomingMessage, Server } from 'node:http';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { InvalidRequestError, RequestTooLargeError } from '../auth/auth.errors.js';
import { AuthExceptionFilter } from '../auth/auth.exception-filter.js';
import { Draining } from './health/draining.js';
import { SERVICE_CONFIG } from './service.tokens.js';
import type { ServiceConfig } from './service.config.js';

/** What a request's body may weigh, in bytes. */
const BODY_LIMIT = 32 * 1_024;

/** Sets up HTTP as the wire contract has it. The application must have been created with `bodyParser: false`. */
export function configureHttp(app: NestExpressApplication): void {
  const { auth, corsOrigins, trustProxy } = app.get<ServiceConfig>(SERVICE_CONFIG);
  const server = app.getHttpServer() as Server;
  limitTimes(server);
  app.get(Draining).watch(server);
  app.set('trust proxy', trustProxy);
  app.disable('x-powered-by');
  // No answer is worth a conditional request, and the hash costs a quarter of an empty handler's time.
  app.disable('etag');
  if (corsOrigins.length > 0) {
    const cors = {
      origin: [...corsOrigins],
      methods: ['GET', 'POST', 'PATCH', 'DELETE'],
      allowedHeaders: ['Authorization', 'Content-Type', 'X-Request-Id'],
      exposedHeaders: ['WWW-Authenticate', 'Retry-After'],
      maxAge: 600,
    };
    // Cookies are sent to another origin only where its answer allows it (Fetch §3.3.3).
    const withCookies = { ...cors, credentials: true };
    const origins = new Set<string | undefined>(auth.cookie ? corsOrigins : []);
    app.enableCors(({ headers }: IncomingMessage, answerBy) =>
      answerBy(null, origins.has(headers.origin) ? withCookies : cors),
    );
  }
  // A body has to be what its type says, whatever route it is for; one of another type is read and dropped.
  app.useBodyParser('json', { limit: BODY_LIMIT, strict: false, type: ['application/json', 'application/*+json'] });
  app.useBodyParser('urlencoded', { limit: BODY_LIMIT, extended: false });
  app.useBodyParser('raw', { limit: BODY_LIMIT, type: () => true });
  app.use(refuseBody);
  app.useGlobalFilters(app.get(AuthExceptionFilter));
}

/** In milliseconds. A request is a few hundred bytes; nobody needs long to send one. */
function limitTimes(server: Server): void {
  server.headersTimeout = 10_000;
  server.requestTimeout = 15_000;
  // Longer than the idle time of the usual load balancers (60 s): the side that sends must be the one that closes.
  server.keepAliveTimeout = 65_000;
}

/** The parsers' own messages quote the body. */
function refuseBody(
  error: { type?: string },
  _request: unknown,
  _response: unknown,
  next: (error: Error) => void,
): void {
  if (error.type === 'entity.too.large') {
    next(new RequestTooLargeError(`body: got more than ${BODY_LIMIT / 1_024} KiB, takes at most that.`));
  } else {
    next(new InvalidRequestError('body: got something that is not what its Content-Type and Content-Encoding say.'));
  }
}
