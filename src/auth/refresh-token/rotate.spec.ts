import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { decide, mint, type RotationPolicy } from '../rotation/rotation.rule.js';
import { UNKNOWN_DEVICE } from '../session/device.js';
import type { PolicyVerdict } from '../session/policy.gate.js';
import type { SessionEvent } from '../session/session.observer.js';
import type { Session } from '../session/session.js';
import type { RotatedSession, Rotation } from '../session/session.store.js';
import type { ExchangeOptions } from './requested-scope.js';
import { Rotator } from './rotate.js';
import { RefreshToken } from './refresh-token.js';

const NOW = 1_000_000;
const RULE: RotationPolicy = {
  leeway: 10_000,
  idleTtl: 1e9,
  absoluteTtl: 1e10,
  notBefore: 0,
  lostResponse: 'forgive',
};
const ALLOWED: PolicyVerdict = { allow: true, amendments: undefined };
const FIRST = new RefreshToken(Buffer.alloc(16, 1), NOW);

/** A world with one session, in which one thing happens after the other. `calls` has them in order. */
function world({ asks = false, rule = RULE }: { asks?: boolean; rule?: RotationPolicy } = {}) {
  const calls: string[] = [];
  const events: SessionEvent[] = [];
  const rows = new Map<string, Session>();
  const script = {
    now: NOW,
    /** What the policy says, and what happens meanwhile. */
    ask: (): PolicyVerdict => ALLOWED,
    /** How many mints lose a race for the row. */
    lostRaces: 0,
    /** Whether another request ends the session just before this one. */
    endsMeanwhile: false,
  };

  const store = {
    rotate: async (id: string, { n, now, acceptAhead, amendments }: Rotation): Promise<RotatedSession | undefined> => {
      calls.push('mint');
      const row = rows.get(id);
      if (!row || script.lostRaces-- > 0) return undefined;
      const decision = decide(row, n, now, rule);
      const isMint = decision.kind === 'mint' && (decision.cause !== 'store_behind' || acceptAhead);
      if (!isMint) return { session: row, isRotated: false };
      const recovered = decision.cause === 'recovered' ? 1 : 0;
      const minted = { ...mint(row, n, now, rule), ...amendments, recovered } as Session;
      rows.set(id, minted);
      return { session: minted, isRotated: true };
    },
  };
  const finder = {
    find: async ({ sessionId }: RefreshToken) => {
      calls.push('find');
      return rows.get(sessionId);
    },
  };
  const ender = {
    end: async (id: string, reason: string, now: number) => {
      calls.push(`end: ${reason}`);
      const row = rows.get(id);
      if (!row || script.endsMeanwhile) return false;
      rows.set(id, { ...row, revokedAt: now });
      return true;
    },
  };
  const policy = {
    isOpen: !asks,
    ask: async () => {
      calls.push('ask');
      return script.ask();
    },
  };
  const publisher = { publish: (event: SessionEvent) => events.push(event) };
  const clock = { now: () => script.now };
  const rotator = new Rotator(
    store as never,
    finder as never,
    ender as never,
    policy as never,
    publisher as never,
    clock as never,
    { rotation: rule } as never,
  );
  rows.set(FIRST.sessionId, {
    id: FIRST.sessionId,
    subject: 'alice',
    clientId: 'web',
    scope: 'read write',
    claims: null,
    used: 0,
    issued: NOW,
    floor: NOW - 1,
    createdAt: NOW,
    lastUsedAt: NOW,
    expiresAt: NOW + RULE.idleTtl,
    revokedAt: null,
    recovered: 0,
    label: null,
    userAgent: null,
    ip: null,
  });

  return {
    calls,
    events,
    script,
    row: () => rows.get(FIRST.sessionId) as Session,
    change: (changed: Partial<Session>) =>
      rows.set(FIRST.sessionId, { ...(rows.get(FIRST.sessionId) as Session), ...changed }),
    lose: () => rows.clear(),
    /** Presents the token with this number. @returns the number handed out, or why there is none */
    async present(n: number, terms?: ExchangeOptions): Promise<number | string> {
      calls.length = events.length = 0;
      try {
        const { session, at } = await rotator.rotate(FIRST.withNumber(n), script.now, UNKNOWN_DEVICE, terms);
        expect(at).toBe(script.now);
        return session.issued;
      } catch (error) {
        const { code, reason } = error as { code?: string; reason?: string };
        return reason ?? code ?? String(error);
      }
    },
  };
}

type World = ReturnType<typeof world>;

/** Uses the first token, and then its successor. @returns the number of the one handed out last */
async function goOn(one: World): Promise<number> {
  const second = await one.present(NOW);
  one.script.now += 2 * RULE.leeway;
  const third = await one.present(second as number);
  one.script.now += 2 * RULE.leeway;
  return third as number;
}

beforeEach(() => {
  jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => {});
});

describe('A refresh where nobody is asked', () => {
  it('is one statement', async () => {
    const one = world();
    expect(await one.present(NOW)).toBe(NOW + 1);
    expect(one.calls).toEqual(['mint']);
    expect(one.events).toEqual([
      { type: 'refreshed', at: NOW, sessionId: FIRST.sessionId, subject: 'alice', outcome: 'rotated' },
    ]);
  });

  it('hands the same token out again within the leeway, from the row', async () => {
    const one = world();
    await one.present(NOW);
    expect(await one.present(NOW)).toBe(NOW + 1);
    expect(one.calls).toEqual(['mint']);
    expect(one.events).toMatchObject([{ type: 'refreshed', outcome: 'repeated' }]);
  });

  it('forgives a lost answer', async () => {
    const one = world();
    await one.present(NOW);
    one.script.now += RULE.leeway + 1;
    expect(await one.present(NOW)).toBe(one.script.now);
    expect(one.events).toMatchObject([{ type: 'refreshed', outcome: 'recovered' }]);
  });

  it('refuses a token without a row, and ends nothing', async () => {
    const one = world();
    one.lose();
    expect(await one.present(NOW)).toBe('unknown_session');
    expect([one.calls, one.events]).toEqual([['mint', 'find'], []]);
  });

  it.each([
    ['revoked', { revokedAt: NOW }],
    ['expired', { expiresAt: NOW }],
  ])('refuses a session that is %s, and ends nothing', async (reason, changed) => {
    const one = world();
    one.change(changed);
    expect(await one.present(NOW)).toBe(reason);
    expect([one.calls, one.events]).toEqual([['mint'], []]);
  });

  it('ends the session of a reused token before it refuses, and tells of the reuse once', async () => {
    const one = world();
    await goOn(one);
    expect(await one.present(NOW)).toBe('reuse');
    expect(one.calls).toEqual(['mint', 'end: reuse']);
    expect(one.events).toMatchObject([{ type: 'reuse_detected', subject: 'alice', at: one.script.now }]);
    expect(one.row().revokedAt).toBe(one.script.now);
  });

  it('tells of a reuse once: another request may have ended the session meanwhile', async () => {
    const one = world();
    await goOn(one);
    one.script.endsMeanwhile = true;
    expect(await one.present(NOW)).toBe('reuse');
    expect(one.events).toEqual([]);
  });

  it('looks at the row before it accepts a token that is newer', async () => {
    const one = world();
    expect(await one.present(NOW + 5)).toBe(NOW + 6);
    expect(one.calls).toEqual(['mint', 'ask', 'mint']);
    expect(one.events).toMatchObject([{ type: 'refreshed', outcome: 'store_behind' }]);
  });
});

describe('A refresh with a policy', () => {
  it('asks before it writes', async () => {
    const one = world({ asks: true });
    expect(await one.present(NOW)).toBe(NOW + 1);
    expect(one.calls).toEqual(['find', 'ask', 'mint']);
  });

  it('does not ask within the leeway', async () => {
    const one = world({ asks: true });
    await one.present(NOW);
    expect(await one.present(NOW)).toBe(NOW + 1);
    expect(one.calls).toEqual(['find']);
  });

  it('writes what the policy changes', async () => {
    const one = world({ asks: true });
    one.script.ask = () => ({ allow: true, amendments: { scope: 'read' } });
    await one.present(NOW);
    expect(one.row().scope).toBe('read');
  });

  it('ends the session that the policy denies, and mints nothing', async () => {
    const one = world({ asks: true });
    one.script.ask = () => ({ allow: false, reason: 'banned' });
    expect(await one.present(NOW)).toBe('revoked');
    expect(one.calls).toEqual(['find', 'ask', 'end: policy']);
    expect(one.row()).toMatchObject({ issued: NOW, revokedAt: NOW });
  });

  it('mints with the time after the answer', async () => {
    const one = world({ asks: true });
    one.script.ask = () => {
      one.script.now += 1_500;
      return ALLOWED;
    };
    expect(await one.present(NOW)).toBe(NOW + 1_500);
  });

  describe("with lostResponse: 'revoke'", () => {
    const rule: RotationPolicy = { ...RULE, lostResponse: 'revoke' };

    it('hands out the token that another request with the same one has minted while the policy was asked', async () => {
      const one = world({ asks: true, rule });
      one.script.ask = () => {
        one.change(mint(one.row(), NOW, NOW, rule));
        one.script.now += RULE.leeway + 5;
        return ALLOWED;
      };
      expect(await one.present(NOW)).toBe(NOW + 1);
      expect(one.calls).toEqual(['find', 'ask', 'mint']);
      expect(one.events).toMatchObject([{ type: 'refreshed', outcome: 'repeated' }]);
    });

    it.each<[string, (one: World) => void]>([
      [
        'another token was used, too',
        (one) => one.change(mint(mint(one.row(), NOW, NOW, rule), NOW + 1, one.script.now + 1, rule)),
      ],
      ['the token was used before this request came', (one) => one.change({ used: NOW, floor: NOW, issued: NOW + 1 })],
    ])('ends the session where, while the policy was asked, it turned out that %s', async (_, happen) => {
      const one = world({ asks: true, rule });
      one.script.now += 5;
      one.script.ask = () => {
        happen(one);
        one.script.now += 2 * RULE.leeway;
        return ALLOWED;
      };
      expect(await one.present(NOW)).toBe('reuse');
      expect(one.calls).toEqual(['find', 'ask', 'mint', 'end: reuse']);
    });

    it('ends the session where the clock stepped back since the token was used', async () => {
      const one = world({ rule });
      await one.present(NOW);
      one.script.now -= 2 * RULE.leeway;
      expect(await one.present(NOW)).toBe('reuse');
    });

    it('ends the session where the token was used before this request came', async () => {
      const one = world({ asks: true, rule });
      await one.present(NOW);
      one.script.now += RULE.leeway + 5;
      expect(await one.present(NOW)).toBe('reuse');
      expect(one.calls).toEqual(['find', 'end: reuse']);
    });
  });

  it('tries again where a mint has lost a race for the row, three times at most', async () => {
    const one = world({ asks: true });
    one.script.lostRaces = 2;
    expect(await one.present(NOW)).toBe(NOW + 1);
    expect(one.calls).toEqual(['find', 'ask', 'mint', 'find', 'ask', 'mint', 'find', 'ask', 'mint']);

    const another = world({ asks: true });
    another.script.lostRaces = 3;
    expect(await another.present(NOW)).toBe('contention');
    expect([another.events, another.row().issued]).toEqual([[], NOW]);
  });
});

describe('A refresh by an OAuth client', () => {
  const web = { clientId: 'web', scope: 'read' };

  it('looks at the row first', async () => {
    const one = world();
    expect(await one.present(NOW, web)).toBe(NOW + 1);
    expect(one.calls).toEqual(['find', 'ask', 'mint']);
  });

  it('can neither use nor end the session of another client', async () => {
    const one = world();
    expect(await one.present(NOW, { clientId: 'other' })).toBe('wrong_client');
    await goOn(one);
    expect(await one.present(NOW, { clientId: 'other' })).toBe('wrong_client');
    expect([one.calls, one.events, one.row().revokedAt]).toEqual([['find'], [], null]);
  });

  it('uses nothing up where it asks for too much scope, within the leeway too', async () => {
    const one = world();
    const before = one.row();
    expect(await one.present(NOW, { ...web, scope: 'admin' })).toBe('invalid_scope');
    expect([one.calls, one.row()]).toEqual([['find'], before]);
    await one.present(NOW, web);
    expect(await one.present(NOW, { ...web, scope: 'admin' })).toBe('invalid_scope');
  });

  it('is found out in a reuse whatever scope it asks for', async () => {
    const one = world();
    await goOn(one);
    expect(await one.present(NOW, { ...web, scope: 'admin' })).toBe('reuse');
    expect(one.row().revokedAt).not.toBeNull();
  });
});
