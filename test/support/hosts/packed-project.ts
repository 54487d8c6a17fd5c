import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';

/** A new project that has installed the package, as `npm install` would from the registry. */
export interface PackedProject {
  readonly folder: string;
  /** The package, as it was unpacked from its tarball. */
  readonly packageFolder: string;
  /** The tarball's files. */
  readonly files: readonly string[];
  /** Writes a file of the project. */
  write(name: string, text: string): Promise<void>;
  /** Another folder, where the package is installed and nothing beside it. */
  readonly alone: string;
  remove(): Promise<void>;
}

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Manifest {
  readonly dependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
  readonly peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

const NAME = 'nest-refresh-token';

/** Packs what `npm run build` has made, and installs it with what it must have: nothing optional, no types but Node's. */
export async function packedProject(): Promise<PackedProject> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'refresh-token-project-')));
  const packageFolder = join(folder, 'node_modules', NAME);
  await mkdir(packageFolder, { recursive: true });
  const packing = ['pack', '--ignore-scripts', '--offline', '--silent', '--pack-destination', folder];
  const tarball = (await succeed('npm', packing)).trim();
  await succeed('tar', ['-xzf', join(folder, tarball), '--strip-components=1', '-C', packageFolder]);

  for (const name of installedWith(manifestOf('.'))) {
    const link = join(folder, 'node_modules', name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(resolve('node_modules', name), link);
  }
  // Not below the project: its packages would be found.
  const alone = await realpath(await mkdtemp(join(tmpdir(), 'refresh-token-alone-')));
  await cp(packageFolder, join(alone, 'node_modules', NAME), { recursive: true });
  return {
    folder,
    packageFolder,
    alone,
    files: await filesIn(packageFolder),
    write: (name, text) => writeFile(join(folder, name), text),
    remove: async () => {
      for (const made of [folder, alone]) await rm(made, { recursive: true, force: true });
    },
  };
}

/** Runs a program to its end. */
export function finish(command: string, args: readonly string[], cwd = '.'): Promise<Finished> {
  return new Promise((done) => {
    execFile(command, args, { cwd, maxBuffer: 16 * 1_024 * 1_024 }, (error, stdout, stderr) => {
      done({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr });
    });
  });
}

async function succeed(command: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await finish(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** The packages that come with one: what it and they depend on, and the peers that aren't optional. */
function installedWith(manifest: Manifest): Set<string> {
  const installed = new Set(['@types/node']);
  const visited = new Set<string>();
  const visit = (of: Manifest, from: string): void => {
    for (const name of required(of)) {
      const found = findPackage(name, from);
      if (visited.has(found)) continue;
      visited.add(found);
      if (found === join('node_modules', name)) installed.add(name);
      visit(manifestOf(found), found);
    }
  };
  visit(manifest, '.');
  visit(manifestOf('node_modules/@types/node'), 'node_modules/@types/node');
  return installed;
}

export function required({ dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} }: Manifest): string[] {
  const peers = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
  return [...Object.keys(dependencies), ...peers];
}

/** Where Node finds a package, looking from a folder upwards. */
function findPackage(name: string, from: string): string {
  const found = join(from, 'node_modules', name);
  if (existsSync(found)) return found;
  if (from === '.') throw new Error(`${name} is not installed.`);
  return findPackage(name, dirname(from));
}

export function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();
}
