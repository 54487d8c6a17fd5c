import { currentKey, type SigningKey } from '../../auth/keys/signing-key.js';
import { ConfigurationError } from '../../auth/auth.errors.js';
import { tokenSecret } from '../../auth/keys/token-secret.js';
import { generateSecret, generateSigningKey, generateSigningKeys } from '../../auth/keys/key-generation.js';
import { generateServiceKey } from '../data-folder/service-key.js';
import { addedNow } from '../data-folder/development-keys.js';
import type { StoredSecret } from '../data-folder/secrets-file.js';
import { shown, UsageError, type Command } from './command.js';
import { KeyStore } from '../data-folder/edit-keys.js';
import { secretUse, type SecretUse } from './secret-usage.js';
import { withSessionDatabase } from './session-database.js';
import { table } from './table.js';

/** How much longer than a token's life a key is kept: clocks differ, and instances see a file within 5 s. In ms. */
const MARGIN = 60_000;

export const keysGenerate: Command = {
  about: 'print a fresh set of secrets and keys, ready to paste into .env or a secret store',
  run: () =>
    [
      `REFRESH_TOKEN_SECRETS=${generateSecret()}`,
      `SIGNING_KEYS='${JSON.stringify(generateSigningKeys())}'`,
      `SERVICE_KEYS=${generateServiceKey()}`,
      '',
    ].join('\n'),
};

export const keysList: Command = {
  about: 'list the keys in DATA_DIR: what each does, and from when or until when',
  async run() {
    const store = new KeyStore();
    const now = Date.now();
    const { keys, jwks } = store.readSigningKeys();
    const { secrets } = store.readSecrets();
    const rows = [
      ...keys.map((key, position) => [
        'signing key',
        key.keyId as string,
        timeOf(jwks[position]?.['added_at']),
        stateOf(key, keys, now, store.environment.accessTokenTtl),
      ]),
      ...(await secretRows(store, secrets, now)),
    ];
    const { signingKeys, refreshTokenSecrets } = store.environment;
    const notes = [
      ...(signingKeys
        ? ['SIGNING_KEYS is set: the service takes its signing keys from there (the environment, or .env here).\n']
        : []),
      ...(refreshTokenSecrets
        ? ['REFRESH_TOKEN_SECRETS is set: the service takes its secrets from there (the environment, or .env here).\n']
        : []),
    ];
    if (rows.length === 0) return `${notes.join('')}There are no keys in ${store.folder}.\n`;
    return notes.join('') + table(['KIND', 'ID', 'ADDED', 'STATE'], rows);
  },
};

export const keysAdd: Command<{ secret: 'flag' }> = {
  about: 'add a signing key, or a secret of refresh tokens, to DATA_DIR; a running service takes it into use',
  options: { secret: 'flag' },
  run(_, { secret: isSecret = false }) {
    const store = new KeyStore();
    if (isSecret) store.requireSecretsFromFile();
    else store.requireSigningKeysFromFile();
    return store.exclusively(() => (isSecret ? addSecret(store) : addSigningKey(store)));
  },
};

export const keysRetire: Command<{ force: 'flag' }> = {
  about: 'take a key or a secret out of DATA_DIR; refused while live sessions need it, unless forced',
  operands: ['id'],
  options: { force: 'flag' },
  run([id], { force = false }) {
    if (id === undefined) throw new UsageError('keys retire takes the id of a key, as "keys list" prints it');
    const store = new KeyStore();
    const { keys } = store.readSigningKeys();
    if (keys.some(({ keyId }) => keyId === id)) {
      store.requireSigningKeysFromFile();
      return store.exclusively(() => retireSigningKey(store, id, force));
    }
    if (store.readSecrets().secrets.some(({ fingerprint }) => fingerprint === id)) {
      store.requireSecretsFromFile();
      return store.exclusively(() => retireSecret(store, id, force));
    }
    throw new ConfigurationError(
      `keys retire: got ${shown(id)}, takes the id of a key in ${store.folder}, as "keys list" prints it.`,
    );
  },
};

function addSigningKey(store: KeyStore): string {
  const { jwks } = store.readSigningKeys();
  const added = addedNow(generateSigningKey());
  store.writeSigningKeys([added, ...jwks]);
  const when = jwks.length === 0 ? 'now on' : since(store, Date.parse(added.added_at));
  return `Added the signing key ${added.kid}: it is published within 5 s, and signs from ${when}. It is kept in ${store.folder}.\n`;
}

function addSecret(store: KeyStore): string {
  const { secrets, retired } = store.readSecrets();
  const secret = generateSecret();
  const { fingerprint } = tokenSecret(secret);
  const twin = secrets.find((other) => other.fingerprint.slice(0, 2) === fingerprint.slice(0, 2));
  // Tokens name their secret by one byte; another draw has another one.
  if (twin) return addSecret(store);
  const addedAt = Date.now();
  store.writeSecrets({ secrets: [{ secret, fingerprint, addedAt }, ...secrets], retired });
  const when = secrets.length === 0 ? 'now on' : `about ${since(store, addedAt)}`;
  return `Added the secret ${fingerprint}: it verifies within 5 s, and mints from ${when}, if the service is running. It is kept in ${store.folder}.\n`;
}

function since({ environment }: KeyStore, addedAt: number): string {
  return `${timeOf(addedAt + environment.keyActivationDelay)} on`;
}

function retireSigningKey(store: KeyStore, id: string, isForced: boolean): string {
  const { jwks, keys } = store.readSigningKeys();
  requireAnother(keys.length, 'signing key', 'keys add');
  const now = Date.now();
  const key = keys.find(({ keyId }) => keyId === id) as SigningKey;
  if (!isForced) {
    if (currentKey(keys, now) === key) {
      throw refusal(id, 'it signs', 'Add another first, and wait until that one signs');
    }
    const until = neededUntil(key, keys, store.environment.accessTokenTtl);
    if (until !== undefined && now < until) {
      throw refusal(id, `access tokens that it signed are good until ${timeOf(until)}`, 'Retire it then');
    }
  }
  store.writeSigningKeys(jwks.filter((_, position) => keys[position] !== key));
  return `Retired the signing key ${id}: it is published no more within 5 s.\n`;
}

async function retireSecret(store: KeyStore, id: string, isForced: boolean): Promise<string> {
  const { secrets, retired } = store.readSecrets();
  requireAnother(secrets.length, 'secret', 'keys add --secret');
  if (!isForced) refuseSecretInUse(id, await useOf(store, id));
  store.writeSecrets({
    secrets: secrets.filter(({ fingerprint }) => fingerprint !== id),
    retired: [...retired, id],
  });
  return `Retired the secret ${id}: its tokens are refused within 5 s.\n`;
}

function refuseSecretInUse(id: string, use: SecretUse): void {
  if (use.kind === 'minting') throw refusal(id, 'it mints', 'Add another first, and wait until that one mints');
  if (use.kind === 'replaced' && use.liveSessions > 0) {
    const count = use.liveSessions === 1 ? '1 live session' : `${use.liveSessions} live sessions`;
    throw refusal(
      id,
      `${count} may hold a token of it`,
      `It isn't needed from ${timeOf(use.neededUntil)} on, or earlier`,
    );
  }
}

function requireAnother(count: number, kind: string, command: string): void {
  if (count > 1) return;
  throw new ConfigurationError(`keys retire: it is the only ${kind}; add another first, with "${command}".`);
}

function refusal(id: string, why: string, what: string): ConfigurationError {
  return new ConfigurationError(
    `keys retire: ${id} is needed: ${why}. ${what}; or retire it all the same, with --force.`,
  );
}

function useOf(store: KeyStore, fingerprint: string): Promise<SecretUse> {
  const { environment } = store;
  return withSessionDatabase(environment, (dataSource) => secretUse(dataSource, environment, fingerprint, Date.now()));
}

async function secretRows(store: KeyStore, secrets: readonly StoredSecret[], now: number): Promise<string[][]> {
  const states = await withSessionDatabase(store.environment, async (dataSource) => {
    const uses: SecretUse[] = [];
    for (const { fingerprint } of secrets) {
      uses.push(await secretUse(dataSource, store.environment, fingerprint, now));
    }
    return uses.map(describeUse);
  }).catch(({ message }: Error) => secrets.map(() => `verifies (the database could not be asked: ${message})`));
  return secrets.map(({ fingerprint, addedAt }, position) => [
    'secret',
    fingerprint,
    timeOf(addedAt),
    states[position] as string,
  ]);
}

function describeUse(use: SecretUse): string {
  if (use.kind === 'minting') return 'mints';
  if (use.kind === 'waiting') return 'verifies; has not minted';
  if (use.liveSessions === 0) return 'verifies; can be retired';
  return `verifies; needed by ${use.liveSessions} live session${use.liveSessions === 1 ? '' : 's'}, until ${timeOf(use.neededUntil)} at most`;
}

function stateOf(key: SigningKey, keys: readonly SigningKey[], now: number, accessTokenTtl: number): string {
  if (currentKey(keys, now) === key) return 'signs';
  if (key.signsFrom > now) {
    return Number.isFinite(key.signsFrom) ? `published; signs from ${timeOf(key.signsFrom)} on` : 'published';
  }
  const until = neededUntil(key, keys, accessTokenTtl);
  return until !== undefined && now < until ? `published; needed until ${timeOf(until)}` : 'published; can be retired';
}

/** When the last token that it signed is dead; `undefined` where no key has taken its place. */
function neededUntil(key: SigningKey, keys: readonly SigningKey[], accessTokenTtl: number): number | undefined {
  const successors = keys.map(({ signsFrom }) => signsFrom).filter((signsFrom) => signsFrom > key.signsFrom);
  const replacedAt = successors.length > 0 ? Math.min(...successors) : undefined;
  // One that waits itself has signed nothing.
  if (replacedAt === undefined || replacedAt > Date.now()) return undefined;
  return replacedAt + accessTokenTtl + MARGIN;
}

function timeOf(time: unknown): string {
  if (typeof time !== 'string' && typeof time !== 'number') return '-';
  return new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');
}
