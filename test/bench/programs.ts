import { readdir, readFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import ts from 'typescript';

const SOURCES = resolve('test/bench/baselines');

/**
 * Builds the empty handlers into a folder: run from source, the compiler would count as their memory.
 * @returns where they are
 */
export async function buildPrograms(folder: string): Promise<string> {
  const programs = join(folder, 'baselines');
  await mkdir(programs);
  await symlink(resolve('node_modules'), join(folder, 'node_modules'));
  await writeFile(join(programs, 'package.json'), '{ "type": "module" }\n');
  for (const name of await readdir(SOURCES)) {
    const { outputText } = ts.transpileModule(await readFile(join(SOURCES, name), 'utf8'), {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2023,
        experimentalDecorators: true,
        emitDecoratorMetadata: true,
      },
    });
    await writeFile(join(programs, name.replace(/\.ts$/, '.js')), outputText);
  }
  return programs;
}
