import { existsSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { parseEnv } from 'node:util';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { ConfigurationError } from '../auth/auth.errors.js';
import { configureHttp } from './configure-http.js';
import { serveDocs } from './docs/swagger-ui.js';
import type { ProcessEnvironment } from './environment/environment.js';
import { firstSteps } from './first-steps.js';
import { serviceLogger } from './logger.js';
import { serviceConfig, type ServiceConfig } from './service.config.js';
import { ServiceModule } from './service.module.js';

/** Starts the service from the environment and `.env`; where it can't start, one line says why, and it exits with 1. */
export async function runService(): Promise<void> {
  // Whatever is written (the database, made-up keys) is for the owner only.
  process.umask(0o077);
  try {
    const config = serviceConfig(await withPort({ ...dotEnv(), ...given(process.env) }));
    await startService(config);
    if (!config.isProduction) process.stdout.write(firstSteps(config));
  } catch (error) {
    process.stderr.write(`nest-refresh-token can't start: ${reason(error)}\n`);
    process.exit(1);
  }
}

async function startService(config: ServiceConfig): Promise<void> {
  const app = await NestFactory.create<NestExpressApplication>(ServiceModule.with(config), {
    bodyParser: false,
    abortOnError: false,
    logger: serviceLogger(config.logLevel),
  });
  configureHttp(app);
  await serveDocs(app, config);
  app.enableShutdownHooks(['SIGTERM', 'SIGINT'], { useProcessExit: true });
  await app.listen(config.port, config.host);
}

/** `.env` in the working folder; what stands in the environment itself wins. */
function dotEnv(): ProcessEnvironment {
  return existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {};
}

function given(env: ProcessEnvironment): ProcessEnvironment {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
}

/** With PORT=0 a free port is found first: the issuer is the service's own address. */
async function withPort(env: ProcessEnvironment): Promise<ProcessEnvironment> {
  return env['PORT'] === '0' ? { ...env, PORT: String(await freePort(env['HOST'])) } : env;
}

function freePort(host = '127.0.0.1'): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, host, () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

/** What we threw on purpose is told in one line; a bug with its stack. */
function reason(error: unknown): string {
  if (error instanceof ConfigurationError) return error.message;
  const { code, message, stack } = error as NodeJS.ErrnoException;
  return code === 'EADDRINUSE' || code === 'EADDRNOTAVAIL' || code === 'EACCES' ? message : (stack ?? message);
}
