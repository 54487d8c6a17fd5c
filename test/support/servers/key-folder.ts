import type { JsonWebKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { generateSecret, generateSigningKey } from '../../../src/auth/keys/key-generation.js';
import { tokenSecret } from '../../../src/auth/keys/token-secret.js';
import { keyFiles, type KeyFiles } from '../../../src/service/config/data-folder-paths.js';
import { emptyFolder, runToEnd, startProcess, type Ended, type ServiceProcess } from './process.js';
import { putFile } from '../put-file.js';

const CLI = resolve('dist/service/cli/cli.js');

/** A row of `keys list`. */
export interface ListedKey {
  readonly kind: string;
  readonly id: string;
  readonly firstSeen: string;
  readonly state: string;
}

export interface SecretFile {
  readonly secrets: readonly { readonly secret: string }[];
  readonly retired?: readonly string[];
}

/** A working folder whose `./data` holds keys, for the command line and for services. */
export class KeyFolder {
  readonly files: KeyFiles;

  private constructor(
    readonly cwd: string,
    private readonly env: Record<string, string>,
  ) {
    this.files = keyFiles(join(cwd, 'data'));
  }

  /** An empty one. @param env what commands and services have in common */
  static async make(env: Record<string, string> = {}): Promise<KeyFolder> {
    return new KeyFolder(await emptyFolder(), env);
  }

  /** Runs `nest-refresh-token keys …`; whatever comes of it, it shows no secret and no private key. */
  async run(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
    const before = await this.hidden();
    const result = await runToEnd(process.execPath, [CLI, 'keys', ...args], {
      cwd: this.cwd,
      env: { ...this.env, ...env },
    });
    for (const hidden of [...before, ...(await this.hidden())])
      expect(result.stdout + result.stderr).not.toContain(hidden);
    return result;
  }

  /** A command that does what it is asked. @returns what it prints */
  async keys(...args: string[]): Promise<string> {
    const { stdout, ...result } = await this.run(args);
    expect(result).toEqual({ code: 0, signal: null, stderr: '' });
    return stdout;
  }

  /** A command that is refused with code 1, in one line, and changes nothing. @returns why */
  async refused(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
    const before = await this.contents();
    const result = await this.run(args, env);
    const [, why] = /^nest-refresh-token: ((?:keys|"data|[A-Z_]+).+)\n$/.exec(result.stderr) ?? [];
    expect(result).toEqual({ code: 1, signal: null, stdout: '', stderr: `nest-refresh-token: ${why}\n` });
    expect(await this.contents()).toEqual(before);
    return String(why);
  }

  /** @returns its id */
  async addSigningKey(): Promise<string> {
    return idIn(await this.keys('add'), /^Added the signing key (\S+): /);
  }

  /** @returns its id, the fingerprint */
  async addSecret(): Promise<string> {
    return idIn(await this.keys('add', '--secret'), /^Added the secret ([0-9a-f]{16}): /);
  }

  async list(): Promise<ListedKey[]> {
    const [listed = ''] = (await this.keys('list')).split('\n\n');
    const [head, ...rows] = listed.split('\n');
    expect(head?.split(/ {2,}/)).toEqual(['KIND', 'ID', 'FIRST SEEN', 'STATE']);
    return rows.map((row) => {
      const [kind, id, firstSeen, state] = row.split(/ {2,}/) as [string, string, string, string];
      return { kind, id, firstSeen, state };
    });
  }

  /** What `keys list` says of a key. */
  async stateOf(id: string): Promise<string | undefined> {
    return (await this.list()).find((key) => key.id === id)?.state;
  }

  async signingKeys(): Promise<JsonWebKey[]> {
    const text = await textOf(this.files.signingKeys);
    return text === undefined ? [] : (JSON.parse(text) as { keys: JsonWebKey[] }).keys;
  }

  async secretFile(): Promise<SecretFile> {
    const text = await textOf(this.files.secrets);
    return text === undefined ? { secrets: [] } : (JSON.parse(text) as SecretFile);
  }

  put(file: keyof KeyFiles, text: string): Promise<void> {
    return putFile(this.files[file], text);
  }

  /**
   * Puts this many fresh signing keys there, in the place of all others.
   * @returns their ids
   */
  async putSigningKeys(count: number): Promise<string[]> {
    const keys = Array.from({ length: count }, generateSigningKey);
    await this.put('signingKeys', JSON.stringify({ keys }));
    return keys.map((key) => String(key['kid']));
  }

  /**
   * Puts this many fresh secrets there, in the place of all others.
   * @returns their ids, the fingerprints
   */
  async putSecrets(count: number): Promise<string[]> {
    const secrets = Array.from({ length: count }, () => ({ secret: generateSecret() }));
    await this.put('secrets', JSON.stringify({ secrets }));
    return secrets.map(({ secret }) => tokenSecret(secret).fingerprint);
  }

  /** Has the SQLite database of the folder's service say what it knows of keys: id, first seen, used, replaced. */
  async note(
    table: string,
    ...rows: [id: string, firstSeenAt: number, usedAt?: number, replacedAt?: number][]
  ): Promise<void> {
    const database = new Sqlite(join(this.cwd, 'data/refresh-tokens.sqlite'));
    database.exec(`DELETE FROM ${table}`);
    const insert = database.prepare(`INSERT INTO ${table} VALUES (?, ?, ?, ?, NULL)`);
    for (const [id, firstSeenAt, usedAt = null, replacedAt = null] of rows)
      insert.run(id, firstSeenAt, usedAt, replacedAt);
    database.close();
  }

  /** Starts a service on these keys. */
  start(env: Record<string, string> = {}): Promise<ServiceProcess> {
    return startProcess({ cwd: this.cwd, env: { ...this.env, ...env } });
  }

  private async contents(): Promise<(string | undefined)[]> {
    return Promise.all([this.files.signingKeys, this.files.secrets].map(textOf));
  }

  /** What nobody may ever see. */
  private async hidden(): Promise<string[]> {
    const text = (await this.contents()).join('\n');
    return [...text.matchAll(/"(?:d|p|q|dp|dq|qi|secret)": ?"([\w-]+)"/g)].map(([, value]) => value as string);
  }
}

function idIn(text: string, pattern: RegExp): string {
  const [, id] = pattern.exec(text) ?? [];
  if (id === undefined) throw new Error(`Got ${text}, and no id in it.`);
  return id;
}

async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
