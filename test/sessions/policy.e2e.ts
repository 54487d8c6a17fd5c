import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  AuthModule,
  InvalidRefreshTokenError,
  type IssuedSession,
  type IssueOptions,
  type PolicyDecision,
  type PolicySession,
  RefreshTokenService,
  RefreshTokenSession,
  SessionPolicy,
  SessionService,
  type TokenResponse,
} from 'nest-refresh-token';
import { DataSource } from 'typeorm';
import { TokenSecretRegistry } from '../../src/auth/key-ring/token-secret.registry.js';
import { createDatabase, describeOnEachDatabase } from '../support/databases/databases.js';
import { whileNothingEnds } from '../support/databases/failing-writes.js';
import { bearer, call, json, logout, refresh, refreshed, type Answer } from '../support/http/http.js';
import { hostOptions } from '../support/hosts/host.js';
import { dataSourceOn } from '../support/hosts/host.js';
import { eventsIn } from '../support/servers/log.js';
import { until } from '../support/servers/process.js';
import {
  hostForTheSuite,
  Script,
  ScriptedObserver,
  ScriptedPolicy,
  ScriptModule,
  type ScriptedHost,
} from '../support/hosts/scripted-host.js';
import { endOf, sessionRow } from '../support/databases/session-rows.js';
import { DAY, MINUTE, SECOND } from '../support/test-clock.js';
import { REFUSED, UNAVAILABLE, wire } from '../support/http/wire.js';
import { limit } from '../support/time.js';

const PARALLEL = 20;
const parts = { sessionPolicy: ScriptedPolicy, sessionObserver: ScriptedObserver };

/** Claims of an access token, as whoever holds it can read them. */
function claimsOf({ access_token }: TokenResponse): Record<string, unknown> {
  const [, payload = ''] = access_token.split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
}

function issue({ refreshTokens }: ScriptedHost, options: Partial<IssueOptions> = {}): Promise<IssuedSession> {
  return refreshTokens.issue({ subject: 'alice', ...options });
}

/** Sets a session's row back to what it was, as a restored backup does. */
async function setBack({ app }: ScriptedHost, row: RefreshTokenSession | null): Promise<void> {
  await app
    .get(DataSource)
    .getRepository(RefreshTokenSession)
    .save(row as RefreshTokenSession);
}

/** A token that is ahead of its row. */
async function aheadOfItsRow(host: ScriptedHost): Promise<{ token: string; session_id: string }> {
  const { refresh_token, session_id } = await issue(host);
  const row = await sessionRow(host.app, session_id);
  host.clock.advance(MINUTE);
  const { refresh_token: token } = await refreshed(host.url, refresh_token);
  await setBack(host, row);
  return { token, session_id };
}

describeOnEachDatabase('A session policy', (name) => {
  const running = hostForTheSuite(name, parts);

  describe('is asked', () => {
    it('before a mint, about the session as it is and the device that asks', async () => {
      const { host } = running;
      const createdAt = host.clock.now();
      const session = await issue(host, {
        claims: { roles: ['admin'] },
        scope: 'read write',
        clientId: 'web',
        label: 'My phone',
        userAgent: 'Login/1.0',
        ip: '192.0.2.7',
      });
      host.clock.advance(MINUTE);
      const headers = { ...bearer(session.refresh_token), 'User-Agent': 'Phone/2.0' };
      expect((await call(`${host.url}/refresh_token`, { headers })).status).toBe(200);

      expect(host.script.asked).toEqual([
        {
          id: session.session_id,
          subject: 'alice',
          clientId: 'web',
          scope: 'read write',
          claims: { roles: ['admin'] },
          label: 'My phone',
          createdAt,
          lastUsedAt: createdAt,
          userAgent: 'Login/1.0',
          ip: '192.0.2.7',
          device: { userAgent: 'Phone/2.0', ip: '127.0.0.1' },
        },
      ]);
    });

    it('about what was recorded at the last rotation, not at the login only', async () => {
      const { host } = running;
      const { refresh_token } = await issue(host, { userAgent: 'Login/1.0', ip: '192.0.2.7' });
      host.clock.advance(MINUTE);
      const device = { userAgent: 'Phone/2.0', ip: '198.51.100.1' };
      const second = await host.refreshTokens.refresh(refresh_token, device);
      const lastUsedAt = host.clock.now();
      host.clock.advance(MINUTE);
      await host.refreshTokens.refresh(second.refresh_token);

      expect(host.script.asked[1]).toMatchObject({ ...device, lastUsedAt, device: { userAgent: null, ip: null } });
    });

    it('for a rotation, a lost answer and a token ahead of its row, each before anything is written', async () => {
      const { host } = running;
      const { token, session_id } = await aheadOfItsRow(host);
      host.script.reset();
      const rows: unknown[] = [];
      host.script.onRefresh = async () => {
        rows.push(await sessionRow(host.app, session_id));
        return { allow: true };
      };
      const before: unknown[] = [];
      for (const _ of ['store_behind', 'recovered']) {
        before.push(await sessionRow(host.app, session_id));
        await refreshed(host.url, token);
        host.clock.advance(MINUTE);
      }
      const { refresh_token } = await refreshed(host.url, token);
      host.clock.advance(MINUTE);
      before.push(rows[2], await sessionRow(host.app, session_id));
      await refreshed(host.url, refresh_token);

      expect(rows).toHaveLength(4);
      expect(rows).toEqual(before);
      expect(host.script.eventsOf(session_id).map((event) => event.type === 'refreshed' && event.outcome)).toEqual([
        'store_behind',
        'recovered',
        'recovered',
        'rotated',
      ]);
    });

    it('not for a repeat within the leeway', async () => {
      const { host } = running;
      const { refresh_token } = await issue(host);
      host.clock.advance(MINUTE);
      const first = await refreshed(host.url, refresh_token);
      host.script.onRefresh = () => ({ allow: false, reason: 'too late to be asked' });
      host.clock.advance(10 * SECOND - 1);
      const again = await refreshed(host.url, refresh_token);

      expect(again.refresh_token).toBe(first.refresh_token);
      expect(host.script.asked).toHaveLength(1);
      host.clock.advance(1);
      expect(wire(await refresh(host.url, refresh_token))).toEqual(REFUSED);
      expect(host.script.asked).toHaveLength(2);
    });

    it('not when a session is started, and not at a logout', async () => {
      const { host } = running;
      const { refresh_token } = await issue(host);
      expect((await logout(host.url, refresh_token)).status).toBe(204);
      expect(host.script.asked).toEqual([]);
    });

    it('not for tokens that are dead or forged', async () => {
      const { host } = running;
      const ended = await issue(host);
      await host.refreshTokens.revoke(ended.refresh_token);
      const reused = await issue(host);
      const second = await refreshed(host.url, reused.refresh_token);
      host.clock.advance(MINUTE);
      await refreshed(host.url, second.refresh_token);
      const expired = await issue(host);
      host.clock.advance(30 * DAY);
      const last = expired.refresh_token.endsWith('A') ? 'B' : 'A';
      host.script.reset();

      for (const token of [
        ended.refresh_token,
        expired.refresh_token,
        expired.refresh_token.slice(0, -1) + last,
        'nonsense',
      ]) {
        expect(wire(await refresh(host.url, token))).toEqual(REFUSED);
      }
      expect(host.script.asked).toEqual([]);
    });

    it('not for a token that proves a second holder', async () => {
      const { host } = running;
      const { refresh_token, session_id } = await issue(host);
      const second = await refreshed(host.url, refresh_token);
      host.clock.advance(MINUTE);
      await refreshed(host.url, second.refresh_token);
      host.clock.advance(MINUTE);
      host.script.reset();

      expect(wire(await refresh(host.url, refresh_token))).toEqual(REFUSED);
      expect(host.script.asked).toEqual([]);
      expect(await endOf(host.app, session_id)).toMatchObject({ reason: 'reuse' });
    });
  });

  describe('that allows', () => {
    it('with claims and scope has them in this access token, in the repeats within the leeway and later on', async () => {
      const { host } = running;
      const { refresh_token } = await issue(host, { claims: { roles: ['old'], tenant: 7 }, scope: 'read' });
      host.script.onRefresh = () => ({ allow: true, claims: { roles: ['new'] }, scope: 'read write' });
      const first = await refreshed(host.url, refresh_token);
      host.script.onRefresh = () => ({ allow: true });
      const repeated = await refreshed(host.url, refresh_token);
      host.clock.advance(MINUTE);
      const later = await refreshed(host.url, first.refresh_token);

      for (const tokens of [first, repeated, later]) {
        expect(claimsOf(tokens)).toMatchObject({ sub: 'alice', roles: ['new'], scope: 'read write' });
        expect(claimsOf(tokens)).not.toHaveProperty('tenant');
      }
      expect(host.script.asked[1]).toMatchObject({ claims: { roles: ['new'] }, scope: 'read write' });
    });

    it.each<[string, object, object]>([
      ['leaves out both: both stay', {}, { role: 'old', scope: 'read' }],
      ['says undefined: both stay', { claims: undefined, scope: undefined }, { role: 'old', scope: 'read' }],
      ['gives claims only: the scope stays', { claims: { role: 'new' } }, { role: 'new', scope: 'read' }],
      ['gives a scope only: the claims stay', { scope: 'write' }, { role: 'old', scope: 'write' }],
      ['gives no claims at all: they go', { claims: {} }, { role: undefined, scope: 'read' }],
      ['takes the claims away', { claims: null }, { role: undefined, scope: 'read' }],
      ['takes the scope away', { scope: null }, { role: 'old', scope: undefined }],
      ['takes both away', { claims: null, scope: null }, { role: undefined, scope: undefined }],
    ])('and %s', async (_, changes, expected) => {
      const { host } = running;
      const { refresh_token } = await issue(host, { claims: { role: 'old' }, scope: 'read' });
      host.script.onRefresh = () => ({ allow: true, ...changes });
      const { role, scope } = claimsOf(await refreshed(host.url, refresh_token));
      expect({ role, scope }).toEqual(expected);

      host.script.onRefresh = () => ({ allow: true });
      host.clock.advance(MINUTE);
      const later = claimsOf(await refreshed(host.url, refresh_token));
      expect({ role: later['role'], scope: later['scope'] }).toEqual(expected);
    });

    it('changes this session and no other of the user', async () => {
      const { host } = running;
      const [one, other] = [await issue(host), await issue(host, { claims: { roles: ['other'] } })];
      host.script.onRefresh = ({ id }) =>
        id === one.session_id ? { allow: true, claims: { roles: ['one'] } } : { allow: true };
      expect(claimsOf(await refreshed(host.url, one.refresh_token))).toMatchObject({ roles: ['one'] });
      expect(claimsOf(await refreshed(host.url, other.refresh_token))).toMatchObject({ roles: ['other'] });
    });

    it('at once or in its own time is the same', async () => {
      const { host } = running;
      const { refresh_token } = await issue(host);
      host.script.onRefresh = async () => ({ allow: true, claims: { roles: ['async'] } });
      expect(claimsOf(await refreshed(host.url, refresh_token))).toMatchObject({ roles: ['async'] });
    });
  });

  describe('that denies', () => {
    it('ends the session, with 401 as any other and the reason for the host only', async () => {
      const { host } = running;
      const { refresh_token, session_id } = await issue(host, { subject: 'mallory' });
      host.clock.advance(MINUTE);
      host.script.onRefresh = () => ({ allow: false, reason: 'banned for spam' });
      const denied = await refresh(host.url, refresh_token);

      expect(wire(denied)).toEqual(REFUSED);
      expect(await endOf(host.app, session_id)).toEqual({ at: host.clock.now(), reason: 'policy' });
      expect(host.script.eventsOf(session_id).slice(1)).toEqual([
        {
          type: 'ended',
          at: host.clock.now(),
          sessionId: session_id,
          subject: 'mallory',
          reason: 'policy',
          policyReason: 'banned for spam',
        },
      ]);

      host.script.onRefresh = () => ({ allow: true });
      expect(wire(await refresh(host.url, refresh_token))).toEqual(REFUSED);
      expect(host.script.asked).toHaveLength(1);
      expect(host.script.eventsOf(session_id)).toHaveLength(2);
      expect(eventsIn(host.log, 'refresh.refused')).toContainEqual(
        expect.objectContaining({ reason: 'revoked', session_id }),
      );
    });

    it('ends nothing but that session', async () => {
      const { host } = running;
      const [one, other] = [await issue(host), await issue(host)];
      host.script.onRefresh = ({ id }) => (id === one.session_id ? { allow: false, reason: 'no' } : { allow: true });
      expect(wire(await refresh(host.url, one.refresh_token))).toEqual(REFUSED);
      await refreshed(host.url, other.refresh_token);
    });

    it('20 times at once ends it once', async () => {
      const { host } = running;
      const { refresh_token, session_id } = await issue(host);
      host.script.onRefresh = () => ({ allow: false, reason: 'banned' });
      const answers = await atOnce(() => refresh(host.url, refresh_token));
      for (const answer of answers) expect(wire(answer)).toEqual(REFUSED);
      expect(host.script.eventsOf(session_id).filter(({ type }) => type === 'ended')).toHaveLength(1);
    });

    it('tells at most 200 characters of its reason', async () => {
      const { host } = running;
      const { refresh_token, session_id } = await issue(host);
      host.script.onRefresh = () => ({ allow: false, reason: 'a'.repeat(10_000) });
      expect(wire(await refresh(host.url, refresh_token))).toEqual(REFUSED);
      expect(host.script.eventsOf(session_id).at(-1)).toMatchObject({ policyReason: 'a'.repeat(200) });
    });

    it('is 503 while the end can’t be committed, and nobody is told of it', async () => {
      const { host } = running;
      const { refresh_token, session_id } = await issue(host);
      const before = await sessionRow(host.app, session_id);
      host.script.onRefresh = () => ({ allow: false, reason: 'banned' });
      const answer = await whileNothingEnds(host.app, () => refresh(host.url, refresh_token));

      expect(wire(answer)).toEqual(UNAVAILABLE);
      expect(await sessionRow(host.app, session_id)).toEqual(before);
      expect(host.script.eventsOf(session_id).map(({ type }) => type)).toEqual(['created']);

      expect(wire(await refresh(host.url, refresh_token))).toEqual(REFUSED);
      expect(await endOf(host.app, session_id)).toMatchObject({ reason: 'policy' });
    });
  });

  describe('that fails', () => {
    const loop: Record<string, unknown> = {};
    loop['loop'] = loop;

    it.each<[string, () => unknown]>([
      ['throws', () => fail()],
      ['rejects', () => Promise.reject(new Error('the policy is out of order'))],
      ['throws something else', () => Promise.reject('a text')], // oxlint-disable-line prefer-promise-reject-errors
      ['returns nothing', () => undefined],
      ['returns null', () => null],
      ['returns true', () => true],
      ['returns an empty object', () => ({})],
      ['returns a text for a yes', () => ({ allow: 'yes' })],
      ['returns a number for a yes', () => ({ allow: 1 })],
      ['returns a number for a no', () => ({ allow: 0, reason: 'no' })],
      ['allows registered claims', () => ({ allow: true, claims: { sub: 'somebody else' } })],
      ['allows more claims than fit', () => ({ allow: true, claims: { much: 'x'.repeat(4_096) } })],
      ['allows claims that JSON has no form for', () => ({ allow: true, claims: loop })],
      ['allows a list of claims', () => ({ allow: true, claims: [] })],
      ['allows an empty text of claims', () => ({ allow: true, claims: '' })],
      ['allows 0 claims', () => ({ allow: true, claims: 0 })],
      ['allows false claims', () => ({ allow: true, claims: false })],
      ['allows an empty scope', () => ({ allow: true, scope: '' })],
      ['allows a scope of two spaces', () => ({ allow: true, scope: 'a  b' })],
      ['allows a number for a scope', () => ({ allow: true, scope: 7 })],
      ['allows a list for a scope', () => ({ allow: true, scope: ['read'] })],
    ])('and %s, is 503: nothing is rotated, and the token works afterwards', async (_, onRefresh) => {
      const { host } = running;
      const { refresh_token, session_id } = await issue(host, { claims: { role: 'old' }, scope: 'read' });
      const before = await sessionRow(host.app, session_id);
      host.script.onRefresh = onRefresh;

      expect(wire(await refresh(host.url, refresh_token))).toEqual(UNAVAILABLE);
      expect(await sessionRow(host.app, session_id)).toEqual(before);
      expect(host.script.eventsOf(session_id).map(({ type }) => type)).toEqual(['created']);
      expect(eventsIn(host.log, 'policy.failed')).toContainEqual(expect.objectContaining({ session_id }));
      host.script.onRefresh = () => ({ allow: true });
      expect(claimsOf(await refreshed(host.url, refresh_token))).toMatchObject({ role: 'old', scope: 'read' });
    });

    it('leaves what only the host knows out of the log', async () => {
      const { host } = running;
      const { refresh_token, session_id } = await issue(host, { claims: { private: 'hunter2-claim' } });
      const logged = host.log.length;
      const config = { headers: { Authorization: 'Bearer hunter2-key' } };
      host.script.onRefresh = () => {
        const cause = new Error('postgres://app:hunter2-password@db', { cause: 'hunter2-cause' });
        throw Object.assign(new Error('HTTP 500', { cause }), { config, user: { email: 'hunter2@example.com' } });
      };
      expect(wire(await refresh(host.url, refresh_token))).toEqual(UNAVAILABLE);
      host.script.onRefresh = () => Promise.reject('hunter2-text'); // oxlint-disable-line prefer-promise-reject-errors
      expect(wire(await refresh(host.url, refresh_token))).toEqual(UNAVAILABLE);
      host.script.onRefresh = () => ({ allow: true, claims: { sub: 'hunter2-sub' } });
      expect(wire(await refresh(host.url, refresh_token))).toEqual(UNAVAILABLE);
      host.script.onRefresh = () => ({ allow: false, reason: 'banned' });
      expect(wire(await refresh(host.url, refresh_token))).toEqual(REFUSED);

      const written = host.log.slice(logged);
      expect(eventsIn(written, 'policy.failed').map(({ session_id: id }) => id)).toEqual([
        session_id,
        session_id,
        session_id,
      ]);
      expect(eventsIn(written, 'policy.failed')[0]?.['cause']).toContain('HTTP 500');
      // What the policy says on purpose is for the log.
      expect(eventsIn(written, 'policy.denied')).toMatchObject([{ session_id, reason: 'banned' }]);
      for (const secret of ['hunter2', refresh_token]) expect(written.join('\n')).not.toContain(secret);
    });
  });

  describe('and 20 refreshes of one token at once', () => {
    it('have one successor, which is rotated once, and nobody is refused', async () => {
      const { host } = running;
      const { refresh_token, session_id } = await issue(host);
      host.script.onRefresh = async () => {
        // Each is asked before the first has minted.
        await until('all have asked', () => host.script.asked.length === PARALLEL || undefined);
        return { allow: true, claims: { asked: true } };
      };
      const answers = await atOnce(() => refresh(host.url, refresh_token));

      expect(answers.map(({ status }) => status)).toEqual(Array.from(answers, () => 200));
      const tokens = answers.map((answer) => json<TokenResponse>(answer));
      expect(new Set(tokens.map((token) => token.refresh_token)).size).toBe(1);
      for (const token of tokens) expect(claimsOf(token)).toMatchObject({ asked: true });
      const outcomes = host.script.eventsOf(session_id).map((event) => event.type === 'refreshed' && event.outcome);
      expect(outcomes.filter((outcome) => outcome === 'rotated')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === 'repeated')).toHaveLength(PARALLEL - 1);

      // Within the leeway nobody is asked.
      host.script.reset();
      const again = await atOnce(() => refreshed(host.url, refresh_token));
      expect(new Set(again.map((token) => token.refresh_token))).toEqual(new Set([tokens[0]?.refresh_token]));
      expect(host.script.asked).toEqual([]);
    });
  });
});

describeOnEachDatabase('A session policy that takes its time', (name) => {
  const running = hostForTheSuite(name, parts);
  const LEEWAY = 10 * SECOND;

  /** From now on, the clock goes on by so much while the policy thinks. */
  function think({ script, clock }: ScriptedHost, milliseconds: number, decision: object = { allow: true }): void {
    script.onRefresh = () => {
      clock.advance(milliseconds);
      return decision;
    };
  }

  it.each<[string, object]>([
    ['a yes', { allow: true }],
    ['a yes with other claims', { allow: true, claims: { role: 'admin' } }],
  ])('and says %s: everything is counted from the mint', async (_, decision) => {
    const { host } = running;
    const { clock } = host;
    const { refresh_token, session_id } = await issue(host);
    clock.advance(MINUTE);
    think(host, 4 * SECOND, decision);
    const answer = await refreshed(host.url, refresh_token);

    const mintedAt = clock.now();
    const row = await sessionRow(host.app, session_id);
    expect([Number(row?.issued), Number(row?.lastUsedAt)]).toEqual([mintedAt, mintedAt]);
    expect(Number(row?.expiresAt)).toBe(mintedAt + 30 * DAY);
    const claims = claimsOf(answer);
    expect(claims).toMatchObject({ iat: mintedAt / SECOND, exp: mintedAt / SECOND + answer.expires_in });
    expect(answer.refresh_expires_in).toBe((30 * DAY) / SECOND);
    expect(host.script.eventsOf(session_id).at(-1)).toMatchObject({ type: 'refreshed', at: mintedAt });

    // The leeway, too: to the millisecond.
    think(host, 0);
    clock.advance(LEEWAY - 1);
    expect((await refreshed(host.url, refresh_token)).refresh_token).toBe(answer.refresh_token);
    clock.advance(1);
    expect((await refreshed(host.url, refresh_token)).refresh_token).not.toBe(answer.refresh_token);
  });

  it('and longer than the session lives: it has expired, and nothing is written', async () => {
    const { host } = running;
    const { refresh_token, session_id } = await issue(host);
    host.clock.advance(30 * DAY - SECOND);
    const before = await sessionRow(host.app, session_id);
    think(host, SECOND);
    expect(wire(await refresh(host.url, refresh_token))).toEqual(REFUSED);
    expect(await sessionRow(host.app, session_id)).toEqual(before);
  });
});

describeOnEachDatabase("A session policy of 1.5 s with lostResponse: 'revoke' and a leeway of 1 s", (name) => {
  const running = hostForTheSuite(name, parts, { refreshToken: { lostResponse: 'revoke', leeway: 1 } });

  it.each([0, 400, 999])('and two tabs, the second %d ms after the first: both have one successor', async (apart) => {
    const { host } = running;
    const { clock, script } = host;
    const { refresh_token, session_id } = await issue(host);
    clock.advance(MINUTE);
    const thinking = [withResolvers<unknown>(), withResolvers<unknown>()];
    script.onRefresh = () => thinking[script.asked.length - 1]?.promise;

    const first = refresh(host.url, refresh_token);
    await until('the policy is asked for the first tab', () => script.asked.length === 1 || undefined);
    clock.advance(apart);
    const second = refresh(host.url, refresh_token);
    await until('the policy is asked for the second tab', () => script.asked.length === 2 || undefined);
    clock.advance(1_500 - apart);
    thinking[0]?.resolve({ allow: true });
    const answers = [await first];
    clock.advance(apart);
    thinking[1]?.resolve({ allow: true });
    answers.push(await second);

    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    const [one, other] = answers.map((answer) => json<TokenResponse>(answer).refresh_token);
    expect(other).toBe(one);
    expect(await endOf(host.app, session_id)).toBeNull();
    // A third comes as soon as the first has its answer.
    script.onRefresh = () => ({ allow: true });
    clock.advance(999 - apart);
    expect((await refreshed(host.url, refresh_token)).refresh_token).toBe(one);
    clock.advance(MINUTE);
    await refreshed(host.url, String(one));
  });

  it('and two tabs at once, where it thinks longer for one of them: nobody is refused', async () => {
    const { host } = running;
    const { clock, script } = host;
    const { refresh_token, session_id } = await issue(host);
    clock.advance(MINUTE);
    const thinking = [withResolvers<unknown>(), withResolvers<unknown>()];
    script.onRefresh = () => thinking[script.asked.length - 1]?.promise;
    const tabs = [refresh(host.url, refresh_token), refresh(host.url, refresh_token)];
    await until('the policy is asked for both tabs', () => script.asked.length === 2 || undefined);

    clock.advance(1_500);
    thinking[0]?.resolve({ allow: true });
    expect((await Promise.race(tabs)).status).toBe(200);
    clock.advance(1_500);
    thinking[1]?.resolve({ allow: true });
    expect((await Promise.all(tabs)).map(({ status }) => status)).toEqual([200, 200]);
    expect(await endOf(host.app, session_id)).toBeNull();
  });
});

describeOnEachDatabase('A session policy of an app that is not initialized', (name) => {
  it('is not passed by: a refresh asks it, or fails', async () => {
    const database = await createDatabase(name);
    const module = await Test.createTestingModule({
      imports: [
        dataSourceOn(database),
        AuthModule.forRoot({ ...hostOptions(), imports: [ScriptModule], sessionPolicy: ScriptedPolicy }),
      ],
    }).compile();
    try {
      const script = module.get(Script, { strict: false });
      script.onRefresh = () => ({ allow: false, reason: 'banned' });
      const refreshTokens = module.get(RefreshTokenService);
      // The secrets are all that a refresh can't do without.
      await module.get(TokenSecretRegistry, { strict: false }).onModuleInit();
      const { refresh_token, session_id } = await refreshTokens.issue({ subject: 'alice' });
      await expect(refreshTokens.refresh(refresh_token)).rejects.toBeInstanceOf(InvalidRefreshTokenError);
      expect(script.asked.map(({ id }) => id)).toEqual([session_id]);
    } finally {
      await module.close();
      await database.drop();
    }
  });
});

describeOnEachDatabase('A session policy without a leeway', (name) => {
  const running = hostForTheSuite(name, parts, { refreshToken: { leeway: 0 } });

  it('and 20 refreshes of one token at once: nobody is refused, and each successor is good', async () => {
    const { host } = running;
    const { refresh_token, session_id } = await issue(host);
    const answers = await atOnce(() => refresh(host.url, refresh_token));

    expect(answers.map(({ status }) => status)).toEqual(Array.from(answers, () => 200));
    const outcomes = host.script.eventsOf(session_id).map((event) => event.type === 'refreshed' && event.outcome);
    expect(outcomes.filter((outcome) => outcome === 'rotated')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'recovered')).toHaveLength(PARALLEL - 1);
    await refreshed(host.url, json<TokenResponse>(answers[7] as Answer).refresh_token);
  });
});

describeOnEachDatabase('A session policy that hangs', (name) => {
  const running = hostForTheSuite(name, parts, { session: { policyTimeout: 1 } });

  it('is 503 after policyTimeout, and what it says later changes nothing', async () => {
    const { host } = running;
    const { refresh_token, session_id } = await issue(host, { claims: { role: 'old' } });
    const before = await sessionRow(host.app, session_id);
    const late = [
      { allow: true, claims: { role: 'late' } },
      { allow: false, reason: 'late' },
    ];
    const answers = late.map((decision) => {
      const { promise, resolve } = withResolvers<unknown>();
      return { promise, resolve: () => resolve(decision) };
    });
    const rejected = withResolvers<unknown>();
    const hanging = [...answers.map(({ promise }) => promise), rejected.promise];
    host.script.onRefresh = () => hanging[host.script.asked.length - 1];

    const begun = performance.now();
    const given = await Promise.all(hanging.map(() => refresh(host.url, refresh_token)));
    expect(given.map(wire)).toEqual([UNAVAILABLE, UNAVAILABLE, UNAVAILABLE]);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(1_000);
    expect(performance.now() - begun).toBeLessThan(1_000 + limit(800));

    answers.forEach(({ resolve }) => resolve());
    rejected.reject(new Error('late'));
    await Promise.allSettled(hanging);
    expect(await sessionRow(host.app, session_id)).toEqual(before);
    expect(host.script.eventsOf(session_id).map(({ type }) => type)).toEqual(['created']);
    host.script.onRefresh = () => ({ allow: true });
    expect(claimsOf(await refreshed(host.url, refresh_token))).toMatchObject({ role: 'old' });
  });
});

describeOnEachDatabase("A session policy with onPolicyFailure: 'allow'", (name) => {
  const running = hostForTheSuite(name, parts, { session: { onPolicyFailure: 'allow', policyTimeout: 1 } });

  it.each<[string, () => unknown]>([
    ['throws', () => fail()],
    ['hangs', () => new Promise(() => undefined)],
    ['returns nothing', () => undefined],
    ['allows registered claims', () => ({ allow: true, claims: { sub: 'somebody else' }, scope: 'admin' })],
    ['allows a scope that is none', () => ({ allow: true, claims: { role: 'new' }, scope: 'a  b' })],
  ])('and %s: the session goes on with what is stored, and the log says so', async (_, onRefresh) => {
    const { host } = running;
    const { refresh_token, session_id } = await issue(host, { claims: { role: 'old' }, scope: 'read' });
    host.script.onRefresh = onRefresh;
    const claims = claimsOf(await refreshed(host.url, refresh_token));

    expect(claims).toMatchObject({ sub: 'alice', role: 'old', scope: 'read' });
    expect(eventsIn(host.log, 'policy.failed')).toContainEqual(expect.objectContaining({ session_id }));
  });

  it('and denies: it ends the session all the same, whatever the reason is', async () => {
    const { host } = running;
    for (const reason of ['banned', undefined, Object.create(null) as unknown]) {
      const { refresh_token, session_id } = await issue(host);
      host.script.onRefresh = () => ({ allow: false, reason });
      expect(wire(await refresh(host.url, refresh_token))).toEqual(REFUSED);
      expect(await endOf(host.app, session_id)).toMatchObject({ reason: 'policy' });
    }
  });

  it('and denies while the end can’t be committed: 503, not a yes', async () => {
    const { host } = running;
    const { refresh_token, session_id } = await issue(host);
    const before = await sessionRow(host.app, session_id);
    host.script.onRefresh = () => ({ allow: false, reason: 'banned' });
    expect(wire(await whileNothingEnds(host.app, () => refresh(host.url, refresh_token)))).toEqual(UNAVAILABLE);
    expect(await sessionRow(host.app, session_id)).toEqual(before);
  });
});

@Injectable()
class OneDeviceOnly extends SessionPolicy {
  constructor(private readonly sessions: SessionService) {
    super();
  }

  override async onRefresh({ id, subject, claims }: PolicySession): Promise<PolicyDecision> {
    const { sessions } = await this.sessions.list(subject);
    if (sessions[0]?.id !== id) return { allow: false, reason: 'not the newest' };
    const ended = await this.sessions.endAll(subject, { exceptSessionId: id });
    return { allow: true, claims: { ...claims, ended } };
  }
}

describeOnEachDatabase("A session policy that injects the module's own services", (name) => {
  const running = hostForTheSuite(name, { sessionPolicy: OneDeviceOnly, sessionObserver: ScriptedObserver });

  it('is asked as any other, and may end sessions', async () => {
    const { host } = running;
    const old = await issue(host);
    host.clock.advance(MINUTE);
    const middle = await issue(host);
    host.clock.advance(MINUTE);
    const newest = await issue(host);

    expect(wire(await refresh(host.url, old.refresh_token))).toEqual(REFUSED);
    expect(claimsOf(await refreshed(host.url, newest.refresh_token))).toMatchObject({ ended: 1 });
    expect(await endOf(host.app, old.session_id)).toMatchObject({ reason: 'policy' });
    expect(await endOf(host.app, middle.session_id)).toMatchObject({ reason: 'service' });
    expect(await endOf(host.app, newest.session_id)).toBeNull();
  });
});

function atOnce<T>(work: () => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: PARALLEL }, work));
}

function fail(): never {
  throw new Error('the policy is out of order');
}

function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (reason: Error) => void;
  const promise = new Promise<T>((...settle) => ([resolve, reject] = settle));
  return { promise, resolve, reject };
}
