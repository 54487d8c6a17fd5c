import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { describe, it } from '@jest/globals';

const LINE = 'There is no Python with PyJWT and cryptography (TEST_PYTHON)';

/** A Python with what the fixtures import. */
function findPython(): string | undefined {
  const candidates = [process.env['TEST_PYTHON'] ?? [], 'python3', '/usr/bin/python3'].flat();
  return candidates.find((python) => spawnSync(python, ['-c', 'import jwt, cryptography']).status === 0);
}

const python = findPython();

/** `describe` where there is a Python for it, else it is skipped with one visible line; REQUIRE_PYTHON=1 fails it. */
export function describePython(what: string, suite: () => void): void {
  if (python !== undefined) return describe(what, suite);
  if (process.env['REQUIRE_PYTHON'] === '1') {
    return describe(what, () => {
      it('has a Python', () => {
        throw new Error(`${LINE}, and REQUIRE_PYTHON=1 requires it.`);
      });
    });
  }
  process.stderr.write(`\n${LINE}: ${what} is skipped.\n`);
  describe.skip(what, suite);
}

/** A running script that reads lines, and answers each with one line of JSON. */
export class PythonProcess<TAnswer> {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private readonly reader: Interface;
  private errors = '';

  constructor(script: string, env: Record<string, string>) {
    this.child = spawn(python as string, [script], { env: { PATH: process.env['PATH'], ...env } });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.errors += text));
    this.reader = createInterface({ input: this.child.stdout as NodeJS.ReadableStream });
    this.lines = this.reader[Symbol.asyncIterator]();
  }

  /** One question at a time. */
  async ask(line: string): Promise<TAnswer> {
    this.child.stdin?.write(`${line}\n`);
    const { value, done } = (await this.lines.next()) as { value: string; done?: boolean };
    if (done) throw new Error(`The script has ended: ${this.errors}`);
    return JSON.parse(value) as TAnswer;
  }

  async stop(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.stdin?.end();
    await exited;
  }
}
