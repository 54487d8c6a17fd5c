import { cp, mkdir, readdir, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { emptyFolder } from './process.js';

/** An installation of the service in a folder of its own. */
export interface Installation {
  readonly main: string;
  /** Variables of Node that keep it from finding packages elsewhere. */
  readonly env: Record<string, string>;
}

/** Installs the built service with all packages but some. */
export async function installWithout(...missing: string[]): Promise<Installation> {
  const folder = await emptyFolder();
  const packages = join(folder, 'node_modules');
  await cp('dist', join(folder, 'dist'), { recursive: true });
  await cp('package.json', join(folder, 'package.json'));
  for (const name of await packageNames()) {
    if (missing.includes(name)) continue;
    await mkdir(dirname(join(packages, name)), { recursive: true });
    await symlink(resolve('node_modules', name), join(packages, name));
  }
  return { main: join(folder, 'dist/main.js'), env: { NODE_OPTIONS: '--preserve-symlinks' } };
}

/** Installs the built service with better-sqlite3 as it is where its native part could not be built. */
export async function installWithUnbuiltSqlite(): Promise<Installation> {
  const name = 'node_modules/better-sqlite3';
  const installation = await installWithout('better-sqlite3');
  const target = join(dirname(dirname(installation.main)), name);
  await cp(`${name}/lib`, join(target, 'lib'), { recursive: true });
  await cp(`${name}/package.json`, join(target, 'package.json'));
  return installation;
}

async function packageNames(): Promise<string[]> {
  const entries = (await readdir('node_modules')).filter((name) => !name.startsWith('.'));
  const names = entries.map(async (name) =>
    name.startsWith('@') ? (await readdir(`node_modules/${name}`)).map((inner) => `${name}/${inner}`) : [name],
  );
  return (await Promise.all(names)).flat();
}
