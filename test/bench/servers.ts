import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Adapter, Leeway } from './contenders.js';
import type { Rig } from './rig.js';
import { ServerProcess } from './server-process.js';

const MAIN = resolve('dist/main.js');

/** @throws Error where there is nothing to measure */
export function requireBuild(): void {
  if (!existsSync(MAIN)) throw new Error('dist/main.js is not there: run "npm run build" first.');
}

/** Node's options of `npm run start:prod`. */
function nodeOptions(): string[] {
  const { scripts } = JSON.parse(readFileSync(resolve('package.json'), 'utf8')) as { scripts: Record<string, string> };
  const options = /^exec node (.*)dist\/main\.js$/.exec(scripts['start:prod'] ?? '')?.[1];
  if (options === undefined) throw new Error(`package.json: start:prod is ${JSON.stringify(scripts['start:prod'])}.`);
  return options.split(' ').filter((option) => option !== '');
}

/** How a service is started. */
export interface ServiceStart {
  readonly name: string;
  readonly adapter: Adapter;
  /** What `DATABASE_URL` takes. */
  readonly database: string;
  readonly leeway: Leeway;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether it is under test, on its own processor, and profiled where that was asked for. */
  readonly isUnderTest: boolean;
}

/** Starts the built service as `npm run start:prod` does; it is stopped at the end of the run at the latest. */
export async function startService(
  rig: Rig,
  { name, adapter, database, leeway, env, isUnderTest }: ServiceStart,
): Promise<ServerProcess> {
  const isProfiled = rig.profile !== undefined && isUnderTest;
  return start(rig, {
    name,
    args: [...nodeOptions(), ...(isProfiled ? profileTo(rig.profile, name) : []), MAIN],
    probe: { method: 'GET', path: '/health/ready' },
    isUnderTest,
    env: {
      NODE_ENV: 'production',
      ISSUER: 'https://bench.example',
      HTTP_ADAPTER: adapter.toLowerCase(),
      DATABASE_URL: database,
      REFRESH_TOKEN_SECRETS: rig.secrets.refreshTokenSecret,
      SIGNING_KEYS: rig.secrets.signingKeys,
      SERVICE_KEYS: rig.secrets.serviceKey,
      LOG_LEVEL: 'warn',
      ...(leeway === 'none' && { REFRESH_TOKEN_LEEWAY: '0' }),
      ...env,
    },
  });
}

/** Starts an empty handler. */
export function startProgram(rig: Rig, program: string): Promise<ServerProcess> {
  return start(rig, {
    name: program,
    args: [join(rig.programs, `${program}.js`)],
    probe: { method: 'POST', path: '/refresh_token' },
    isUnderTest: true,
    env: { NODE_ENV: 'production' },
  });
}

/** Starts a session as a login backend does. */
export async function createSession({ url }: ServerProcess, { secrets }: Rig): Promise<void> {
  const response = await fetch(`${url}/sessions`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${secrets.serviceKey}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ subject: 'the-one-that-all-others-are-made-of' }),
  });
  if (response.status !== 201) throw new Error(`POST /sessions: status ${response.status}`);
  await response.arrayBuffer();
}

interface Start {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly probe: { readonly method: 'GET' | 'POST'; readonly path: string };
  readonly isUnderTest: boolean;
}

async function start(rig: Rig, { name, isUnderTest, ...how }: Start): Promise<ServerProcess> {
  const fileName = name.replaceAll('/', '-');
  const folder = join(rig.folder, `server-${fileName}`);
  await mkdir(folder, { recursive: true });
  const server = await ServerProcess.start({
    ...how,
    folder,
    log: join(rig.folder, `${fileName}.log`),
    processor: isUnderTest && typeof rig.pinning !== 'string' ? rig.pinning.server : undefined,
  });
  rig.cleanUp.add(() => server.kill());
  return server;
}

function profileTo(folder = '', name: string): string[] {
  return ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-name=${name.replaceAll('/', '-')}.cpuprofile`];
}
