import { existsSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { randomUUID, type JsonWebKey } from 'node:crypto';
import { jwksOf, signingKeys, type SigningKey } from '../../auth/keys/signing-key.js';
import { tokenSecrets } from '../../auth/keys/token-secret.js';
import { ConfigurationError } from '../../auth/auth.errors.js';
import { retry } from '../../auth/runtime/retry.js';
import { TIME_BUDGET } from '../../auth/runtime/time-budget.js';
import { environmentWithDotEnv } from '../config/dot-env.js';
import { readVariables, type Environment } from '../config/environment.js';
import { parsed } from '../config/variable.js';
import { variables } from '../config/variables.js';
import { keyFiles } from '../config/data-folder-paths.js';
import { formatSigningKeys, makeDataDir } from './development-keys.js';
import { formatSecretFile, parseSecretFile, type SecretFile } from './secrets-file.js';

/** Between two looks at the lock, in milliseconds. */
const PAUSE = 20;

/** The keys of the data folder, for the commands that change them. */
export class KeyStore {
  readonly environment: Environment = readVariables(environmentWithDotEnv());
  /** The data folder, wherever the command was called. */
  readonly folder = resolve(this.environment.dataDir);
  private readonly paths = keyFiles(this.environment.dataDir);

  /** @throws ConfigurationError where the environment gives the signing keys, so that the file isn't looked at */
  requireSigningKeysFromFile(): void {
    this.requireFromFile('signingKeys');
  }

  /** @throws ConfigurationError where the environment gives the secrets, so that the file isn't looked at */
  requireSecretsFromFile(): void {
    this.requireFromFile('refreshTokenSecrets');
  }

  /**
   * Runs a change while no other command changes the keys: what one has added, another would write over.
   * @throws ConfigurationError where another one doesn't end
   */
  async exclusively(change: () => string | Promise<string>): Promise<string> {
    const lock = join(this.environment.dataDir, 'keys.lock');
    makeDataDir(this.environment.dataDir);
    await takeLock(lock);
    try {
      return await change();
    } finally {
      unlinkSync(lock);
    }
  }

  /** The ids of all keys that the service would start with, from wherever it takes them; each list in its order. */
  idsInUse(): { signingKeys: readonly string[]; secrets: readonly string[] } {
    const { signingKeys: set, refreshTokenSecrets } = this.environment;
    const keys = set ? signingKeys({ keys: set }) : this.readSigningKeys().keys;
    const secrets = refreshTokenSecrets ? tokenSecrets(refreshTokenSecrets) : this.readSecrets().secrets;
    return {
      signingKeys: keys.map(({ keyId }) => keyId as string),
      secrets: secrets.map(({ fingerprint }) => fingerprint),
    };
  }

  /** The signing keys as they stand in the file, the first of which is to sign; none where there is no file. */
  readSigningKeys(): { jwks: readonly JsonWebKey[]; keys: readonly SigningKey[] } {
    const text = read(this.paths.signingKeys);
    if (text === undefined) return { jwks: [], keys: [] };
    const set = parsed(variables.signingKeys, text, JSON.stringify(this.paths.signingKeys));
    return { jwks: jwksOf(set), keys: signingKeys({ keys: set }) };
  }

  readSecrets(): SecretFile {
    const text = read(this.paths.secrets);
    return text === undefined
      ? { secrets: [], retired: [] }
      : parseSecretFile(text, JSON.stringify(this.paths.secrets));
  }

  writeSigningKeys(jwks: readonly JsonWebKey[]): void {
    this.write(this.paths.signingKeys, formatSigningKeys(jwks));
  }

  writeSecrets(file: SecretFile): void {
    this.write(this.paths.secrets, formatSecretFile(file));
  }

  private requireFromFile(key: 'signingKeys' | 'refreshTokenSecrets'): void {
    if (this.environment[key] === undefined) return;
    const { name } = variables[key];
    throw new ConfigurationError(
      `${name} is set: the service takes its keys from there (the environment, or .env here), and not from DATA_DIR. Change it as the README has it under "Roll keys", or unset it.`,
    );
  }

  /** A running service reads the file at any time: it is replaced, never written over. */
  private write(path: string, text: string): void {
    makeDataDir(this.environment.dataDir);
    const draft = `${path}.${randomUUID()}`;
    writeFileSync(draft, `${text}\n`, { mode: 0o600, flag: 'wx', flush: true });
    renameSync(draft, path);
  }
}

/** Makes the file that others wait for. @throws ConfigurationError where another command's file stays */
async function takeLock(path: string): Promise<void> {
  const isTaken = (error: unknown) => (error as NodeJS.ErrnoException).code === 'EEXIST';
  try {
    await retry(async () => writeFileSync(path, '', { mode: 0o600, flag: 'wx' }), {
      patience: TIME_BUDGET.keysLock,
      isPassing: isTaken,
      pause: () => PAUSE,
    });
  } catch (error) {
    if (!isTaken(error)) throw error;
    throw new ConfigurationError(`keys: another command changes the keys; where none does, delete ${path}.`);
  }
}

function read(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
}
