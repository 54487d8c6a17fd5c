import { ConfigurationError } from '../../auth/auth.errors.js';
import type { HttpAdapterConfig, ServiceHttpAdapter } from './http-adapter.js';

/**
 * The HTTP framework that HTTP_ADAPTER names. The other one isn't loaded.
 * @throws ConfigurationError where HTTP_ADAPTER is `fastify` and its package isn't installed
 */
export async function createHttpAdapter(config: HttpAdapterConfig): Promise<ServiceHttpAdapter> {
  if (config.httpAdapter === 'express') {
    const { ServiceExpressAdapter } = await import('./express.adapter.js');
    return new ServiceExpressAdapter(config);
  }
  const { ServiceFastifyAdapter } = await import('./fastify.adapter.js').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || !error.message.includes('@nestjs/platform-fastify')) throw error;
    throw new ConfigurationError(
      'HTTP_ADAPTER: fastify needs "@nestjs/platform-fastify", which is not installed: npm install @nestjs/platform-fastify',
      { cause: error },
    );
  });
  return new ServiceFastifyAdapter(config);
}
