import { createRequire } from 'node:module';
import { Logger, type INestApplication } from '@nestjs/common';
import type { ServiceConfig } from '../service.config.js';
import { openApiDocument } from './openapi.js';

/** Serves Swagger UI and its assets at `/docs`, if the packages that it needs are installed. */
export async function serveDocs(app: INestApplication, config: ServiceConfig): Promise<void> {
  const swagger = await import('@nestjs/swagger').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || !error.message.includes('@nestjs/swagger')) throw error;
    return undefined;
  });
  const needed = config.httpAdapter === 'fastify' ? '@nestjs/swagger @fastify/static' : '@nestjs/swagger';
  if (swagger && (config.httpAdapter === 'express' || isInstalled('@fastify/static'))) {
    swagger.SwaggerModule.setup('docs', app, openApiDocument(config), { raw: false });
  } else {
    new Logger('Docs').log(`/docs is off: npm install ${needed} to switch it on`);
  }
}

/** Asked before Nest loads the package: Nest would end the process over a missing one. */
function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}
