import { Logger, type INestApplication } from '@nestjs/common';
import type { ServiceConfig } from '../service.config.js';
import { openApiDocument } from './openapi.js';

/** Serves Swagger UI at `/docs`, assets and all, where its package is installed. */
export async function serveDocs(app: INestApplication, config: ServiceConfig): Promise<void> {
  const swagger = await import('@nestjs/swagger').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    new Logger('Docs').log('/docs is off: npm install @nestjs/swagger to switch it on');
    return undefined;
  });
  swagger?.SwaggerModule.setup('docs', app, openApiDocument(config), { raw: false });
}
