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

/**
 * Starts the service with the variables of the environment and of `.env`. If the start fails, stderr gets the reason,
 * in one line where the error isn't a bug, and the process exits with 1.
 */
export async function runService(): Promise<void> {
  // Files that the service creates (the database, development keys) are readable for their owner only.
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

/**
 * One address of `localhost`, as Node would take it. Fastify would listen on each address with a server of its own,
 * which `Draining` doesn't see.
 */
async function oneAddress(host: string): Promise<string> {
  return host === 'localhost' ? (await lookup(host)).address : host;
}

/**
 * Lets a signal end the process during the start: as the first process of a container, it would ignore a signal that it
 * has no handler for. After `leaveToNest` the handler does nothing, but stays: Nest removes its own handler during the
 * shut-down, and a second signal without any handler would end the process in the middle of it.
 */
function answerSignals(): { leaveToNest(): void } {
  let isNests = false;
  const leave = () => isNests || process.exit(0);
  SIGNALS.forEach((signal) => process.on(signal, leave));
  return { leaveToNest: () => void (isNests = true) };
}

/** Replaces PORT=0 by a free port: the service's address is its default issuer, and so is needed before the start. */
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
