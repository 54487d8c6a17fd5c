import { describe, expect, it } from '@jest/globals';
import { decide, mint, type MintCause, type RotationPolicy, type RotationState } from './rotation.rule.js';

const forgive: RotationPolicy = { leeway: 10, idleTtl: 100, absoluteTtl: 1000, notBefore: 0, lostResponse: 'forgive' };
const revoke: RotationPolicy = { ...forgive, lostResponse: 'revoke' };
const leeway0: RotationPolicy = { ...forgive, leeway: 0 };
/** The emergency brake, a millisecond after the session was created. */
const braked: RotationPolicy = { ...forgive, notBefore: 1001 };

/** 1020 was used when 1030 was the last handed out; since then 1035 and 1040 were minted for it. */
const session: RotationState = {
  used: 1020,
  floor: 1030,
  issued: 1040,
  createdAt: 1000,
  expiresAt: 1140,
  revokedAt: null,
};
/** Its first token, 1000, is handed out and not used yet. */
const unused: RotationState = { ...session, used: 0, floor: 0, issued: 1000, expiresAt: 1100 };
/** Busy to the end of its absolute life, at 2000. */
const old: RotationState = { ...session, used: 1920, floor: 1930, issued: 1940, expiresAt: 2000 };
const revoked: RotationState = { ...session, revokedAt: 1041 };

type Presented = [situation: string, session: RotationState, n: number, now: number, policy: RotationPolicy];
/** What is presented, why a token is minted, and the numbers afterwards: used, floor, issued, expiresAt. */
type Mint = [...Presented, cause: MintCause, after: [number, number, number, number]];

describe('the rotation rule', () => {
  it.each<Mint>([
    ['newer than the row', session, 1045, 1060, forgive, 'store_behind', [1045, 1045, 1060, 1160]],
    ['newer by one', session, 1041, 1060, forgive, 'store_behind', [1041, 1041, 1060, 1160]],
    ['newer, within the leeway', session, 1041, 1042, forgive, 'store_behind', [1041, 1041, 1042, 1142]],
    ['newer, at leeway 0', session, 1041, 1041, leeway0, 'store_behind', [1041, 1041, 1042, 1141]],
    ['newer than the clock', session, 1070, 1060, forgive, 'store_behind', [1070, 1070, 1071, 1160]],
    ['newer than an unused row', unused, 1045, 1060, forgive, 'store_behind', [1045, 1045, 1060, 1160]],
    ['newer, on revoke', session, 1045, 1060, revoke, 'store_behind', [1045, 1045, 1060, 1160]],
    ["newer, past the row's idle end", session, 1060, 1150, forgive, 'store_behind', [1060, 1060, 1150, 1250]],
    ['newer, 1 ms before its own idle end', session, 1060, 1159, forgive, 'store_behind', [1060, 1060, 1159, 1259]],
    ['newer, 1 ms before the absolute end', old, 1950, 1999, forgive, 'store_behind', [1950, 1950, 1999, 2000]],
  ])('1: accepts what the store is behind of: %s', mints);

  it.each<Presented>([
    ['the last issued, in its own millisecond', session, 1040, 1040, forgive],
    ['the last issued, leeway − 1 later', session, 1040, 1049, forgive],
    ['the last issued, on a clock leeway − 1 behind', session, 1040, 1031, forgive],
    ['an older child, leeway − 1 later', session, 1035, 1049, forgive],
    ['the oldest child there could be, floor + 1', session, 1031, 1049, forgive],
    ['the used one, leeway − 1 later', session, 1020, 1049, forgive],
    ['the used one, on a clock leeway − 1 behind', session, 1020, 1031, forgive],
    ['the used one, leeway − 1 later, on revoke', session, 1020, 1049, revoke],
  ])('2: repeats the fresh successor: %s', (_, state, n, now, policy) => {
    expect(decide(state, n, now, policy)).toEqual({ kind: 'repeat' });
  });

  it.each<Mint>([
    ['the last issued, the leeway exactly later', session, 1040, 1050, forgive, 'rotated', [1040, 1040, 1050, 1150]],
    ['the last issued, on revoke', session, 1040, 1050, revoke, 'rotated', [1040, 1040, 1050, 1150]],
    ['the last issued, the leeway exactly behind', session, 1040, 1030, forgive, 'rotated', [1040, 1040, 1041, 1130]],
    ['the last issued, at leeway 0 at once', session, 1040, 1040, leeway0, 'rotated', [1040, 1040, 1041, 1140]],
    ['an older child: its sibling dies', session, 1035, 1050, forgive, 'rotated', [1035, 1040, 1050, 1150]],
    ['the oldest child there could be, floor + 1', session, 1031, 1050, forgive, 'rotated', [1031, 1040, 1050, 1150]],
    ['the first token at once: nothing is used yet', unused, 1000, 1000, forgive, 'rotated', [1000, 1000, 1001, 1100]],
    ['the first token later', unused, 1000, 1060, forgive, 'rotated', [1000, 1000, 1060, 1160]],
    ['1 ms before the idle end', session, 1040, 1139, forgive, 'rotated', [1040, 1040, 1139, 1239]],
    ['1 ms before the absolute end', old, 1940, 1999, forgive, 'rotated', [1940, 1940, 1999, 2000]],
  ])('3: rotates a child: %s', mints);

  it.each<Mint>([
    ['the leeway exactly later', session, 1020, 1050, forgive, 'recovered', [1020, 1030, 1050, 1150]],
    ['on a clock the leeway exactly behind', session, 1020, 1030, forgive, 'recovered', [1020, 1030, 1041, 1130]],
    ['at leeway 0 at once', session, 1020, 1040, leeway0, 'recovered', [1020, 1030, 1041, 1140]],
  ])('4: mints a sibling for the used one: %s', mints);

  it.each<Presented>([
    ['the floor itself, a sibling of the used one', session, 1030, 1060, forgive],
    ['the floor itself, within the leeway', session, 1030, 1041, forgive],
    ['the floor itself, at leeway 0', session, 1030, 1060, leeway0],
    ['between the used one and the floor', session, 1025, 1060, forgive],
    ['older than the used one', session, 1019, 1060, forgive],
    ['older than the used one, within the leeway', session, 1019, 1041, forgive],
    ['older than the used one, on revoke', session, 1019, 1060, revoke],
    ['the used one, the leeway exactly later, on revoke', session, 1020, 1050, revoke],
    ['1 ms before the idle end', session, 1019, 1139, forgive],
  ])('5: refuses what proves two holders: %s', (_, state, n, now, policy) => {
    expect(decide(state, n, now, policy)).toEqual({ kind: 'refuse', reason: 'reuse' });
  });

  it.each<Presented>([
    ['the last issued, at the idle end', session, 1040, 1140, forgive],
    ['the used one, at the idle end', session, 1020, 1140, forgive],
    ['the last issued, at the absolute end', { ...old, expiresAt: 2040 }, 1940, 2000, forgive],
    ['newer than the row, at its own idle end', session, 1060, 1160, forgive],
    ['newer than the row, at the absolute end', old, 1950, 2000, forgive],
    ['a displaced one, at the idle end', session, 1019, 1140, forgive],
  ])('refuses what is expired: %s', (_, state, n, now, policy) => {
    expect(decide(state, n, now, policy)).toEqual({ kind: 'refuse', reason: 'expired' });
  });

  it.each<Presented>([
    ['the last issued, within the leeway', revoked, 1040, 1042, forgive],
    ['the last issued, past the idle end', revoked, 1040, 1140, forgive],
    ['the used one', revoked, 1020, 1060, forgive],
    ['a displaced one', revoked, 1019, 1060, forgive],
    ['newer than the row', revoked, 1045, 1060, forgive],
  ])('refuses what is revoked: %s', (_, state, n, now, policy) => {
    expect(decide(state, n, now, policy)).toEqual({ kind: 'refuse', reason: 'revoked' });
  });

  it.each<Presented>([
    ['the last issued, within the leeway', session, 1040, 1042, braked],
    ['the last issued', session, 1040, 1060, braked],
    ['the used one', session, 1020, 1060, braked],
    ['a displaced one: nothing is to be proved of a session that is over', session, 1019, 1060, braked],
    ['newer than the row', session, 1045, 1060, braked],
    ['the first token', unused, 1000, 1000, braked],
    ['past the idle end', session, 1040, 1140, braked],
    ['used after the brake', { ...session, used: 1040, floor: 1040, issued: 1050 }, 1050, 1070, braked],
    ['on revoke', session, 1040, 1060, { ...braked, lostResponse: 'revoke' }],
    ['one that is revoked as well', revoked, 1040, 1060, braked],
  ])('refuses as revoked what was created before the emergency brake: %s', (_, state, n, now, policy) => {
    expect(decide(state, n, now, policy)).toEqual({ kind: 'refuse', reason: 'revoked' });
  });

  it.each<[string, number]>([
    ['in the millisecond of the brake', 1000],
    ['after it', 999],
    ['with no brake', 0],
  ])('decides as ever on what was created %s', (_, notBefore) => {
    const policy = { ...forgive, notBefore };

    expect(decide(session, 1040, 1042, policy)).toEqual({ kind: 'repeat' });
    expect(decide(session, 1040, 1060, policy)).toEqual({ kind: 'mint', cause: 'rotated' });
    expect(decide(session, 1020, 1060, policy)).toEqual({ kind: 'mint', cause: 'recovered' });
    expect(decide(session, 1045, 1060, policy)).toEqual({ kind: 'mint', cause: 'store_behind' });
    expect(decide(session, 1019, 1060, policy)).toEqual({ kind: 'refuse', reason: 'reuse' });
    expect(decide(session, 1040, 1140, policy)).toEqual({ kind: 'refuse', reason: 'expired' });
  });

  it('keeps what else a session has, and changes nothing in place', () => {
    const given = Object.freeze({ ...session, subject: 'alice' });

    expect(mint(given, 1040, 1050, forgive)).toEqual({
      subject: 'alice',
      used: 1040,
      floor: 1040,
      issued: 1050,
      createdAt: 1000,
      expiresAt: 1150,
      revokedAt: null,
    });
  });

  it('locks out a thief who used a copy of the token that the owner used, at the next refresh of the owner', () => {
    const afterOwner = mint(session, 1040, 1050, forgive);
    const afterThief = mint(afterOwner, 1040, 1060, forgive);
    const afterOwnerAgain = mint(afterThief, 1050, 1070, forgive);

    expect(decide(afterOwnerAgain, 1060, 1080, forgive)).toEqual({ kind: 'refuse', reason: 'reuse' });
  });

  it('goes on with either answer to a request that was sent twice, and with that one only', () => {
    const twice = mint(mint(session, 1040, 1050, forgive), 1040, 1060, forgive);

    expect(decide(twice, 1050, 1070, forgive)).toEqual({ kind: 'mint', cause: 'rotated' });
    expect(decide(twice, 1060, 1070, forgive)).toEqual({ kind: 'mint', cause: 'rotated' });
    expect(decide(mint(twice, 1050, 1070, forgive), 1060, 1080, forgive)).toEqual({ kind: 'refuse', reason: 'reuse' });
    expect(decide(mint(twice, 1060, 1070, forgive), 1050, 1080, forgive)).toEqual({ kind: 'refuse', reason: 'reuse' });
  });
});

function mints(...[, state, n, now, policy, cause, [used, floor, issued, expiresAt]]: Mint): void {
  expect(decide(state, n, now, policy)).toEqual({ kind: 'mint', cause });
  expect(mint(state, n, now, policy)).toEqual({ ...state, used, floor, issued, expiresAt });
}
