import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource, IsNull, Not } from 'typeorm';
import { ConfigurationError, RefreshTokenSecret } from 'nest-refresh-token';
import { KeyRing } from '../../src/auth/key-ring/key-ring.js';
import { TokenSecretRegistry } from '../../src/auth/key-ring/token-secret.registry.js';
import { createDatabase, describeOnEachDatabase, type TestDatabase } from '../support/databases/databases.js';
import { refresh, refreshed, signIn } from '../support/http/http.js';
import { startService, type TestService } from '../support/servers/service.js';
import { DAY, MINUTE, SECOND, TestClock } from '../support/test-clock.js';

const OLD = 'the-old-refresh-token-secret-of-the-tests-0123456789';
const NEW = 'the-new-refresh-token-secret-of-the-tests-0123456789';
const NEWEST = 'the-newest-refresh-token-secret-of-the-tests-0123456789';
// Computed with another HKDF than Node's.
const FINGERPRINT_OF = new Map([
  [OLD, 'ef76e65ecaeafd06'],
  [NEW, 'eddb7815852434ce'],
  [NEWEST, 'b67b9377c00db48e'],
]);

const ACTIVATION_DELAY = 5 * MINUTE;

describeOnEachDatabase('secrets of refresh tokens', (name) => {
  let database: TestDatabase;
  let clock: TestClock;
  let running: TestService[];

  /** What is decided of the rows once they are read: on one database, since it is the same on each. */
  const itDecides: (what: string, test: () => Promise<void>) => void = name === 'SQLite' ? it : () => undefined;

  beforeEach(async () => {
    database = await createDatabase(name);
    clock = new TestClock();
    running = [];
  });

  afterEach(async () => {
    await stop();
    await database.drop();
  });

  /** Starts an instance with these secrets, the first of which is to mint. */
  async function start(secrets: string[], env: Record<string, string> = {}): Promise<TestService> {
    const service = await startService(database.url, {
      env: { REFRESH_TOKEN_SECRETS: secrets.join(','), ...env },
      clock,
    });
    running.push(service);
    return service;
  }

  async function stop(): Promise<void> {
    await Promise.all(running.map((service) => service.close()));
    running = [];
  }

  /** Stops what runs, and starts with other secrets. */
  async function restart(secrets: string[], env: Record<string, string> = {}): Promise<TestService> {
    await stop();
    return start(secrets, env);
  }

  /** Stops what runs. @returns why it can't be started with other secrets */
  async function refusedRestart(secrets: string[], env: Record<string, string> = {}): Promise<string> {
    await stop();
    const error = await start(secrets, env).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as ConfigurationError).message;
  }

  /** Hands over from OLD to NEW, at once. @returns a token of OLD */
  async function replaceOld(): Promise<string> {
    const { url } = await start([OLD]);
    const { refresh_token } = await signIn(url);
    clock.advance(DAY);
    await restart([NEW, OLD], { KEY_ACTIVATION_DELAY: '0' });
    return refresh_token;
  }

  it('are noted by fingerprint and times, and by nothing that could make a token', async () => {
    const { app } = await start([OLD]);
    const rows = await app.get(DataSource).query<object[]>('SELECT * FROM refresh_token_secrets');

    const now = String(clock.now());
    expect(
      rows.map((row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, String(value)]))),
    ).toEqual([
      {
        fingerprint: FINGERPRINT_OF.get(OLD),
        first_seen_at: now,
        used_at: now,
        replaced_at: 'null',
        withdrawn_at: 'null',
      },
    ]);
  });

  it('are noted once: another start changes nothing', async () => {
    const rows = ({ app }: TestService) => app.get(DataSource).query<object[]>('SELECT * FROM refresh_token_secrets');
    const before = await rows(await start([NEW, OLD]));
    clock.advance(DAY);

    expect(await rows(await restart([NEW, OLD]))).toEqual(before);
  });

  itDecides('mint at once where there were none', async () => {
    const { url } = await start([NEW, OLD]);

    expect(secretOf((await signIn(url)).refresh_token)).toBe(NEW);
  });

  describe('a new one in front', () => {
    it('mints once the activation delay has passed, not before, and the old tokens go on working', async () => {
      const before = await signIn((await start([OLD])).url);
      const { url } = await restart([NEW, OLD]);

      expect(secretOf((await signIn(url)).refresh_token)).toBe(OLD);
      clock.advance(ACTIVATION_DELAY - 1);
      expect(secretOf((await refreshed(url, before.refresh_token)).refresh_token)).toBe(OLD);

      clock.advance(1);
      expect(secretOf((await signIn(url)).refresh_token)).toBe(NEW);
      clock.advance(MINUTE);
      const after = await refreshed(url, before.refresh_token);
      expect(secretOf(after.refresh_token)).toBe(NEW);
      clock.advance(DAY);
      await refreshed(url, after.refresh_token);
    });

    itDecides('verifies at once', async () => {
      const waiting = await startWaiting();
      const ahead = await start([NEW, OLD], { KEY_ACTIVATION_DELAY: '0' });
      const { refresh_token } = await signIn(ahead.url);
      expect(secretOf(refresh_token)).toBe(NEW);

      await refreshed(waiting.url, refresh_token);
    });

    it('waits no longer where instances start again meanwhile', async () => {
      await startWaiting();
      clock.advance(ACTIVATION_DELAY - SECOND);
      const { url } = await restart([NEW, OLD]);
      expect(secretOf((await signIn(url)).refresh_token)).toBe(OLD);

      clock.advance(SECOND);
      expect(secretOf((await signIn(url)).refresh_token)).toBe(NEW);
    });

    itDecides(
      'leaves the minting until then to the one that minted last, in whatever order the others stand',
      async () => {
        await replaceOld();
        const { url } = await restart([NEWEST, OLD, NEW]);
        expect(secretOf((await signIn(url)).refresh_token)).toBe(NEW);

        clock.advance(ACTIVATION_DELAY);
        expect(secretOf((await signIn(url)).refresh_token)).toBe(NEWEST);
      },
    );

    it('waits anew where it has waited in vain: nobody can tell that from a roll-back', async () => {
      await startWaiting();
      await stop();
      clock.advance(ACTIVATION_DELAY);

      const { url } = await start([NEW, OLD]);
      expect(secretOf((await signIn(url)).refresh_token)).toBe(OLD);
      clock.advance(ACTIVATION_DELAY);
      expect(secretOf((await signIn(url)).refresh_token)).toBe(NEW);
    });

    itDecides(
      'makes tokens of the same number in the leeway that began before it: one successor, in two spellings',
      async () => {
        const { url } = await startWaiting();
        const { refresh_token } = await signIn(url);
        clock.advance(ACTIVATION_DELAY - SECOND);
        const before = await refreshed(url, refresh_token);
        clock.advance(SECOND);
        const after = await refreshed(url, refresh_token);

        expect([secretOf(before.refresh_token), secretOf(after.refresh_token)]).toEqual([OLD, NEW]);
        expect(numberOf(after.refresh_token)).toBe(numberOf(before.refresh_token));
        clock.advance(MINUTE);
        const next = await refreshed(url, before.refresh_token);
        expect((await refreshed(url, after.refresh_token)).refresh_token).toBe(next.refresh_token);
      },
    );

    it('needs no start at the moment it begins, and is noted before its first token is out', async () => {
      const { url, app } = await startWaiting();
      clock.advance(ACTIVATION_DELAY);
      const now = clock.now();
      await signIn(url);

      const secrets = await app.get(DataSource).getRepository(RefreshTokenSecret).find();
      const noted = secrets.map(({ fingerprint, usedAt, replacedAt }) => [
        fingerprint,
        Number(usedAt),
        Number(replacedAt),
      ]);
      expect(noted.toSorted()).toEqual([
        [FINGERPRINT_OF.get(NEW), now, 0],
        [FINGERPRINT_OF.get(OLD), now - ACTIVATION_DELAY, now],
      ]);
    });

    /** An instance whose NEW secret is waiting to mint in the place of OLD. */
    async function startWaiting(): Promise<TestService> {
      await start([OLD]);
      return restart([NEW, OLD]);
    }
  });

  describe('one that is missing', () => {
    itDecides('stops the start while its tokens may live, with the line that gives it up', async () => {
      await replaceOld();
      const message = await refusedRestart([NEW]);

      expect(message).toBe(
        'REFRESH_TOKEN_SECRETS (refreshToken.secrets): the secret with fingerprint ef76e65ecaeafd06 made tokens that are still in use, and is not configured. ' +
          'Put it back behind the first one; or, to sign out everybody who holds one of its tokens, set RETIRED_SECRETS=ef76e65ecaeafd06 (refreshToken.retiredSecrets).',
      );
    });

    it('stops the start where all of them are wrong: a failed deploy, and nobody is signed out', async () => {
      const token = (await signIn((await start([OLD])).url)).refresh_token;

      expect(await refusedRestart([NEWEST])).toContain('RETIRED_SECRETS=ef76e65ecaeafd06 ');
      await refreshed((await start([OLD])).url, token);
    });

    it('is given up by that line: its tokens are refused, those of the others are not', async () => {
      const oldToken = await replaceOld();
      const newToken = (await signIn((await restart([NEW, OLD])).url)).refresh_token;
      const { url, log } = await restart([NEW], { RETIRED_SECRETS: 'ef76e65ecaeafd06' });

      expect((await refresh(url, oldToken)).status).toBe(401);
      expect(log.filter((entry) => entry.includes('refresh.refused'))).toEqual([
        expect.stringContaining('"reason":"unknown_secret"'),
      ]);
      await refreshed(url, newToken);
    });

    itDecides('stands in the line behind those that were given up before', async () => {
      await replaceOld();
      await restart([NEWEST, NEW], { RETIRED_SECRETS: 'ef76e65ecaeafd06', KEY_ACTIVATION_DELAY: '0' });

      const message = await refusedRestart([NEWEST], { RETIRED_SECRETS: 'ef76e65ecaeafd06' });
      expect(message).toContain('set RETIRED_SECRETS=ef76e65ecaeafd06,eddb7815852434ce ');
      await start([NEWEST], { RETIRED_SECRETS: 'ef76e65ecaeafd06,eddb7815852434ce' });
    });

    itDecides('is named with the others that are missing', async () => {
      await replaceOld();
      const message = await refusedRestart([NEWEST]);

      expect(/RETIRED_SECRETS=(\S+)/.exec(message)?.[1]?.split(',').toSorted()).toEqual([
        FINGERPRINT_OF.get(NEW),
        FINGERPRINT_OF.get(OLD),
      ]);
    });

    itDecides('is required until the absolute life after it was replaced, and not longer', async () => {
      await replaceOld();
      clock.advance(100 * DAY);
      // A start in between is no other replacement.
      await restart([NEW, OLD]);
      clock.advance(265 * DAY - 1);
      expect(await refusedRestart([NEW])).toContain('ef76e65ecaeafd06');

      clock.advance(1);
      await start([NEW]);
    });

    itDecides('is required for as long as none has minted in its place', async () => {
      await start([OLD]);
      clock.advance(10 * 365 * DAY);

      expect(await refusedRestart([NEW])).toContain('ef76e65ecaeafd06');
    });
  });

  describe('a roll-back', () => {
    itDecides('needs nothing before the new one has minted', async () => {
      const { refresh_token } = await signIn((await start([OLD])).url);
      await restart([NEW, OLD]);
      clock.advance(ACTIVATION_DELAY - 1);

      const { url } = await restart([OLD]);
      await refreshed(url, refresh_token);
    });

    it('needs the new one behind the old one once it has minted, and the old one mints again at once', async () => {
      await replaceOld();
      const newToken = (await signIn((await restart([NEW, OLD])).url)).refresh_token;
      expect(secretOf(newToken)).toBe(NEW);
      expect(await refusedRestart([OLD])).toContain('RETIRED_SECRETS=eddb7815852434ce ');

      const { url } = await start([OLD, NEW]);
      expect(secretOf((await signIn(url)).refresh_token)).toBe(OLD);
      expect(secretOf((await refreshed(url, newToken)).refresh_token)).toBe(OLD);

      // Of the two, it is the old one now that goes on being required.
      clock.advance(365 * DAY);
      expect(await refusedRestart([NEW])).toContain('RETIRED_SECRETS=ef76e65ecaeafd06 ');
      await start([OLD]);
    });

    itDecides('is forgotten: tried again on another day, the new one waits until every instance knows it', async () => {
      await start([OLD]);
      await restart([NEW, OLD]);
      const left = await restart([OLD]);
      clock.advance(DAY);

      const first = await start([NEW, OLD]);
      const { refresh_token } = await signIn(first.url);
      await refreshed(left.url, refresh_token);
      clock.advance(ACTIVATION_DELAY);
      expect(secretOf((await signIn(first.url)).refresh_token)).toBe(NEW);
    });
  });

  describe('that are replaced while the service runs', () => {
    const refusals: [unknown, unknown, string][] = [
      [[], [], 'refreshToken.secrets: got an empty list, takes a list of secrets'],
      [[''], [], 'refreshToken.secrets[0]: got 0 characters, takes'],
      [['x'.repeat(31)], [], 'refreshToken.secrets[0]: got 31 characters, takes'],
      [[NEW, 'short'], [], 'refreshToken.secrets[1]: got 5 characters, takes'],
      [[NEW, 7], [], 'refreshToken.secrets[1]: got a number, takes'],
      [NEW, [], 'refreshToken.secrets: got a string, takes'],
      [[NEW, OLD], [NEWEST], 'refreshToken.retiredSecrets: got '],
      [[NEW, OLD], [FINGERPRINT_OF.get(OLD)], 'refreshToken.retiredSecrets: got the fingerprint '],
      [[NEW], [], 'REFRESH_TOKEN_SECRETS (refreshToken.secrets): the secret with '],
    ];

    it('are not taken where one is empty, short, missing or retired, and nothing changes', async () => {
      const { url, app } = await start([OLD]);
      let { refresh_token: token } = await signIn(url);
      const rows = () => app.get(DataSource).query<object[]>('SELECT * FROM refresh_token_secrets');
      const [inUse, before] = [app.get(KeyRing).secrets, await rows()];

      for (const [secrets, retired, message] of refusals) {
        // As plain JavaScript may, and a file does.
        const replaced = app.get(TokenSecretRegistry).replace(secrets as string[], retired as string[]);
        const error = (await replaced.catch((reason: unknown) => reason)) as ConfigurationError;
        expect(error).toBeInstanceOf(ConfigurationError);
        expect(error.message.slice(0, message.length)).toBe(message);
        for (const secret of [OLD, NEW, NEWEST]) expect(error.message).not.toContain(secret);

        expect(app.get(KeyRing).secrets).toBe(inUse);
        expect(await rows()).toEqual(before);
        clock.advance(DAY);
        token = (await refreshed(url, token)).refresh_token;
      }
      await refreshed(url, (await signIn(url)).refresh_token);
    });

    it('are taken where they are good, with nobody signed out', async () => {
      const { url, app } = await start([OLD]);
      const { refresh_token } = await signIn(url);
      await app.get(TokenSecretRegistry).replace([NEW, OLD], []);
      clock.advance(ACTIVATION_DELAY);
      const { refresh_token: successor } = await refreshed(url, refresh_token);
      expect(secretIdOf(successor)).not.toBe(secretIdOf(refresh_token));
      clock.advance(MINUTE);
      await refreshed(url, successor);
    });
  });

  it('are agreed on by ten instances that start at once on an empty database', async () => {
    const instances = await Promise.all(Array.from({ length: 10 }, () => start([NEW, OLD])));
    const sessions = await Promise.all(instances.map(({ url }) => signIn(url)));

    expect(new Set(sessions.map(({ refresh_token }) => secretOf(refresh_token)))).toEqual(new Set([NEW]));
    await Promise.all(
      sessions.map(({ refresh_token }, position) => refreshed(instances[9 - position]?.url as string, refresh_token)),
    );
    const dataSource = (instances[0] as TestService).app.get(DataSource);
    const inUse = { usedAt: Not(IsNull()), replacedAt: IsNull() };
    expect(await dataSource.getRepository(RefreshTokenSecret).findBy(inUse)).toMatchObject([
      { fingerprint: FINGERPRINT_OF.get(NEW) },
    ]);
  });

  it('are agreed on by ten instances that start at once with a new one: none mints with it early', async () => {
    await start([OLD]);
    await stop();
    const instances = await Promise.all(Array.from({ length: 10 }, () => start([NEW, OLD])));
    const mintedWith = async () => {
      const sessions = await Promise.all(instances.map(({ url }) => signIn(url)));
      return new Set(sessions.map(({ refresh_token }) => secretOf(refresh_token)));
    };

    clock.advance(ACTIVATION_DELAY - 1);
    expect(await mintedWith()).toEqual(new Set([OLD]));
    clock.advance(1);
    expect(await mintedWith()).toEqual(new Set([NEW]));
  });
});

/** The secret that made a token: its first byte is that of the secret's fingerprint. */
function secretOf(token: string): string | undefined {
  const id = bytesOf(token).toString('hex', 0, 1);
  return [...FINGERPRINT_OF].find(([, fingerprint]) => fingerprint.startsWith(id))?.[0];
}

function numberOf(token: string): number {
  return bytesOf(token).readUIntBE(17, 6);
}

function bytesOf(token: string): Buffer {
  return Buffer.from(token.replace(/^rt_/, ''), 'base64url');
}

/** The byte of a token that names its secret. */
function secretIdOf(token: string): number | undefined {
  return Buffer.from(token.slice(3, 7), 'base64url')[0];
}
