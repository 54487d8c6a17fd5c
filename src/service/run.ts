import { lookup } from 'node:dns/promises';
import { createServer, type AddressInfo } from 'node:net';
import { Logger, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DemoModule } from './demo/demo.module.js';
import { serveDocs } from './docs/swagger-ui.js';
import { environmentWithDotEnv } from './config/dot-env.js';
import type { ProcessEnvironment } from './config/environment.js';
import { failureReason } from './failure-reason.js';
import { firstSteps } from './first-steps.js';
import { configureHttp } from './http/configure-http.js';
import { createHttpAdapter } from './http/create-http-adapter.js';
import { serviceLogger } from './logger.js';
import { serviceConfig, type ServiceConfig } from './service.config.js';
import { ServiceModule } from './service.module.js';

const SIGNALS = ['SIGTERM', 'SIGINT'];

/** Starts the service from the environment and `.env`; where it can't start, one line says why, and it exits with 1. */
export async function runService(): Promise<void> {
  // Whatever is written (the database, made-up keys) is for the owner only.
  process.umask(0o077);
  const signals = answerSignals();
  try {
    const config = serviceConfig(await withPort(environmentWithDotEnv()));
    const app = await startService(config, signals);
    const hasDemo = config.hasDemo && app.get(DemoModule).isOn;
    if (!config.isProduction) process.stdout.write(firstSteps({ ...config, hasDemo }));
  } catch (error) {
    process.stderr.write(`nest-refresh-token can't start: ${failureReason(error)}\n`);
    process.exit(1);
  }
}

async function startService(config: ServiceConfig, signals: { leaveToNest(): void }): Promise<INestApplication> {
  const adapter = await createHttpAdapter(config);
  const app = await NestFactory.create(ServiceModule.with(config), adapter, {
    bodyParser: false,
    abortOnError: false,
    logger: serviceLogger(config.logLevel),
  });
  configureHttp(app);
  await serveDocs(app, config);
  signals.leaveToNest();
  app.enableShutdownHooks(SIGNALS, { useProcessExit: true });
  await app.listen(config.port, await oneAddress(config.host));
  const logger = new Logger('Service');
  if (config.auth.serviceKeys.length === 0) {
    logger.warn(
      'SERVICE_KEYS is not set: no login backend can start a session here (POST and PATCH /sessions are 404).',
    );
  }
  logger.log(`Listening on ${config.address}`);
  return app;
}

/** Fastify would listen on every address of `localhost`, by servers that nobody watches; Node takes the first. */
async function oneAddress(host: string): Promise<string> {
  return host === 'localhost' ? (await lookup(host)).address : host;
}

/**
 * Until there is something to shut down, a signal ends the process: the first one of a container ignores those that it
 * doesn't handle. The handler stays, since Nest takes its own away before the process has ended, and a signal without
 * one would end it in the middle of that.
 */
function answerSignals(): { leaveToNest(): void } {
  let isNests = false;
  const leave = () => isNests || process.exit(0);
  SIGNALS.forEach((signal) => process.on(signal, leave));
  return { leaveToNest: () => void (isNests = true) };
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
