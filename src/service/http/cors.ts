import type { IncomingMessage } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import type { ServiceConfig } from '../service.config.js';

/**
 * Lets pages of the origins in CORS_ORIGINS call the service. Methods and headers are texts, since Express and Fastify
 * would join arrays differently.
 */
export function allowOrigins(app: INestApplication, { auth, corsOrigins }: ServiceConfig): void {
  if (corsOrigins.length === 0) return;
  const cors = {
    origin: [...corsOrigins],
    methods: 'GET,POST,PATCH,DELETE',
    allowedHeaders: 'Authorization,Content-Type,X-Request-Id',
    exposedHeaders: 'WWW-Authenticate,Retry-After',
    maxAge: 600,
    // An option of Fastify only. It answers an OPTIONS request without CORS headers as Express does.
    strictPreflight: false,
  };
  // A browser gives a page the answer to a request with cookies only where the answer allows that (Fetch §3.3.3).
  const withCookies = { ...cors, credentials: true };
  const origins = new Set<string | undefined>(auth.cookie ? corsOrigins : []);
  app.enableCors(({ headers }: Pick<IncomingMessage, 'headers'>, answerBy: (error: null, by: typeof cors) => void) =>
    answerBy(null, origins.has(headers.origin) ? withCookies : cors),
  );
}
