import { tokenSecret } from '../../auth/keys/token-secret.js';
import { generateSecret, generateSigningKey, generateSigningKeys } from '../../auth/keys/key-generation.js';
import { jwksMaxAge } from '../../auth/key-ring/key-schedule.js';
import { ConfigurationError } from '../../auth/auth.errors.js';
import { messageOf } from '../../auth/runtime/log-cause.js';
import type { Environment } from '../config/environment.js';
import { generateServiceKey } from '../data-folder/service-key.js';
import { KeyStore } from '../data-folder/edit-keys.js';
import { shown, UsageError, type Command } from './command.js';
import { keyUsages, withdrawSigningKey, type KeyKind, type KeyUsage, type KeyUse } from './key-usage.js';
import { withSessionDatabase } from './session-database.js';
import { table } from './table.js';

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
  about: 'list all keys: since when each is known, what it does, and from when or until when',
  async run() {
    const store = new KeyStore();
    const { environment, folder } = store;
    const { signingKeys, secrets } = store.idsInUse();
    const notes = (['signingKeys', 'refreshTokenSecrets'] as const)
      .filter((key) => environment[key] !== undefined)
      .map((key) => `${NAMES[key]} is set: the service takes them from there (the environment, or .env here).\n`);
    const rows = [
      ...(await rowsOf(environment, 'signing key', signingKeys)),
      ...(await rowsOf(environment, 'secret', secrets)),
    ];
    if (rows.length === 0) return `${notes.join('')}There are no keys in ${folder}.\n`;
    return `${notes.join('')}${table(['KIND', 'ID', 'FIRST SEEN', 'STATE'], rows)}\n${rollOutNote(environment)}`;
  },
};

export const keysAdd: Command<{ secret: 'flag' }> = {
  about:
    'add a signing key, or a secret of refresh tokens, to DATA_DIR; a running service uses it after KEY_ACTIVATION_DELAY',
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
    kindOf(store, id);
    return store.exclusively(() => {
      // Again, since another command may have retired the key while this one waited.
      const retire = kindOf(store, id) === 'secret' ? retireSecret : retireSigningKey;
      return retire(store, id, force);
    });
  },
};

const NAMES = { signingKeys: 'SIGNING_KEYS', refreshTokenSecrets: 'REFRESH_TOKEN_SECRETS' } as const;

/** @throws ConfigurationError where the file has no such key, or isn't where the service takes its keys from */
function kindOf(store: KeyStore, id: string): KeyKind {
  const { keys } = store.readSigningKeys();
  if (keys.some(({ keyId }) => keyId === id)) {
    store.requireSigningKeysFromFile();
    return 'signing key';
  }
  if (store.readSecrets().secrets.some(({ fingerprint }) => fingerprint === id)) {
    store.requireSecretsFromFile();
    return 'secret';
  }
  throw new ConfigurationError(
    `keys retire: got ${shown(id)}, takes the id of a key in ${store.folder}, as "keys list" prints it.`,
  );
}

function addSigningKey(store: KeyStore): string {
  const { jwks } = store.readSigningKeys();
  const added = generateSigningKey();
  store.writeSigningKeys([added, ...jwks]);
  return `Added the signing key ${String(added['kid'])}: it is published within 5 s, and signs ${begins(store, jwks.length === 0)}. It is kept in ${store.folder}.\n`;
}

function addSecret(store: KeyStore): string {
  const { secrets, retired } = store.readSecrets();
  const secret = generateSecret();
  const { fingerprint } = tokenSecret(secret);
  const twin = secrets.find((other) => other.fingerprint.slice(0, 2) === fingerprint.slice(0, 2));
  // Tokens name their secret by one byte; another draw has another one.
  if (twin) return addSecret(store);
  store.writeSecrets({ secrets: [{ secret, fingerprint }, ...secrets], retired });
  return `Added the secret ${fingerprint}: it verifies within 5 s, and mints ${begins(store, secrets.length === 0)}. It is kept in ${store.folder}.\n`;
}

function begins({ environment }: KeyStore, isFirst: boolean): string {
  if (isFirst) return 'at once';
  return `${seconds(environment.keyActivationDelay)} after the first instance has it ("keys list" says when)`;
}

async function retireSigningKey(store: KeyStore, id: string, isForced: boolean): Promise<string> {
  const { jwks, keys } = store.readSigningKeys();
  requireAnother(keys.length, 'signing key', 'keys add');
  if (!isForced) refuseInUse('signing key', id, await useOf(store, 'signing key', id));
  // Before the file changes: a service that has read the file asks the database next.
  const note = await noteWithdrawn(store, id);
  store.writeSigningKeys(jwks.filter((_, position) => keys[position]?.keyId !== id));
  return `Retired the signing key ${id}: it is published no more within 5 s.\n${note}`;
}

/** Tells the database that a key was given up, so that no instance asks for it. @returns what to do where that fails */
async function noteWithdrawn({ environment }: KeyStore, id: string): Promise<string> {
  try {
    await withSessionDatabase(environment, (dataSource) => withdrawSigningKey(dataSource, id, Date.now()));
    return '';
  } catch (error) {
    return `The database could not be told (${messageOf(error)}). Where the database asks for this key, a running service keeps it and the next start is refused: then start the service once with KEY_ACTIVATION_DELAY=0.\n`;
  }
}

async function retireSecret(store: KeyStore, id: string, isForced: boolean): Promise<string> {
  const { secrets, retired } = store.readSecrets();
  requireAnother(secrets.length, 'secret', 'keys add --secret');
  if (!isForced) refuseInUse('secret', id, await useOf(store, 'secret', id));
  store.writeSecrets({
    secrets: secrets.filter(({ fingerprint }) => fingerprint !== id),
    retired: [...retired, id],
  });
  return `Retired the secret ${id}: its tokens are refused within 5 s.\n`;
}

function refuseInUse(kind: KeyKind, id: string, use: KeyUse): void {
  const { verb } = WORDS[kind];
  if (use.kind === 'in use') throw refusal(id, `it ${verb}`, `Add another first, and wait until that one ${verb}`);
  if (use.kind !== 'replaced' || !isNeeded(use)) return;
  const until = timeOf(use.neededUntil);
  if (use.liveSessions === undefined) {
    throw refusal(id, `access tokens that it signed are good until ${until}`, 'Retire it then');
  }
  const holders = `${counted(use.liveSessions)} may hold a token of it`;
  throw refusal(id, holders, `It isn't needed from ${until} on, or earlier`);
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

async function useOf(store: KeyStore, kind: KeyKind, id: string): Promise<KeyUse> {
  const { environment } = store;
  const { signingKeys, secrets } = store.idsInUse();
  const ids = kind === 'secret' ? secrets : signingKeys;
  const usages = await withSessionDatabase(environment, (dataSource) =>
    keyUsages(dataSource, environment, kind, ids, Date.now()),
  );
  return (usages[ids.indexOf(id)] as KeyUsage).use;
}

/** Rows of the table for all keys of one kind; where the database can't be asked, they say so. */
async function rowsOf(environment: Environment, kind: KeyKind, ids: readonly string[]): Promise<string[][]> {
  if (ids.length === 0) return [];
  const { known } = WORDS[kind];
  return withSessionDatabase(environment, (dataSource) =>
    keyUsages(dataSource, environment, kind, ids, Date.now()),
  ).then(
    (usages) =>
      usages.map(({ firstSeenAt, use }, position) => [
        kind,
        ids[position] as string,
        timeOf(firstSeenAt),
        stateOf(kind, use),
      ]),
    ({ message }: Error) => ids.map((id) => [kind, id, '-', `${known} (the database could not be asked: ${message})`]),
  );
}

/** How the table speaks of what a key does. */
const WORDS: Record<KeyKind, { known: string; verb: string; hasNot: string }> = {
  'signing key': { known: 'published', verb: 'signs', hasNot: 'has not signed' },
  secret: { known: 'verifies', verb: 'mints', hasNot: 'has not minted' },
};

function stateOf(kind: KeyKind, use: KeyUse): string {
  const { known, verb, hasNot } = WORDS[kind];
  switch (use.kind) {
    case 'unseen':
      return 'no instance has it yet';
    case 'in use':
      return verb;
    case 'waiting':
      if (use.beginsAt === undefined) return `${known}; ${hasNot}`;
      return `${known}; ${verb} ${use.beginsAt === -Infinity ? 'at once' : `from ${timeOf(use.beginsAt)} on`}`;
    case 'replaced':
      if (!isNeeded(use)) return `${known}; can be retired`;
      if (use.liveSessions === undefined) return `${known}; needed until ${timeOf(use.neededUntil)}`;
      return `${known}; needed by ${counted(use.liveSessions)}, until ${timeOf(use.neededUntil)} at most`;
  }
}

function isNeeded({ neededUntil, liveSessions }: Extract<KeyUse, { kind: 'replaced' }>): boolean {
  return liveSessions !== 0 && Date.now() < neededUntil;
}

/** How long a roll-out may take. */
function rollOutNote({ keyActivationDelay }: Environment): string {
  const time = seconds(keyActivationDelay - jwksMaxAge(keyActivationDelay));
  return `A new first key must reach every instance within ${time} (KEY_ACTIVATION_DELAY less a fifth); where a roll-out takes longer, set a longer KEY_ACTIVATION_DELAY.\n`;
}

function counted(sessions: number): string {
  return sessions === 1 ? '1 live session' : `${sessions} live sessions`;
}

function seconds(milliseconds: number): string {
  return `${milliseconds / 1_000} s`;
}

function timeOf(time: number | undefined): string {
  return time === undefined ? '-' : new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');
}
