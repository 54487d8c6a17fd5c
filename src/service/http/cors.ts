import type { IncomingMessage } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import type { ServiceConfig } from '../service.config.js';

/** Lets pages of the listed origins call the service. The lists are texts, since the adapters join others differently. */
export function allowOrigins(app: INestApplication, { auth, corsOrigins }: ServiceConfig): void {
  if (corsOrigins.length === 0) return;
  const cors = {
    origin: [...corsOrigins],
    methods: 'GET,POST,PATCH,DELETE',
    allowedHeaders: 'Authorization,Content-Type,X-Request-Id',
    exposedHeaders: 'WWW-Authenticate,Retry-After',
    maxAge: 600,
    // Fastify's: an OPTIONS request without a browser's headers is answered as Express answers it.
    strictPreflight: false,
  };
  // Cookies are sent to another origin only where its answer allows it (Fetch §3.3.3).
  const withCookies = { ...cors, credentials: true };
  const origins = new Set<string | undefined>(auth.cookie ? corsOrigins : []);
  app.enableCors(({ headers }: Pick<IncomingMessage, 'headers'>, answerBy: (error: null, by: typeof cors) => void) =>
    answerBy(null, origins.has(headers.origin) ? withCookies : cors),
  );
}
