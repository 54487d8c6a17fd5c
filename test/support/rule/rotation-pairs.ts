import * as fc from 'fast-check';
import type { RotationPolicy, RotationState } from '../../../src/auth/rotation/rotation.rule.js';

/** A session's numbers, and a token that is presented for it. */
export interface Pair {
  readonly row: RotationState;
  /** The token's number. */
  readonly n: number;
  readonly now: number;
  readonly acceptAhead: boolean;
}

const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
/** When most of the sessions were created: as a `notBefore`, it lets them through, and none that is any older. */
export const CREATED = NOW - 40 * DAY;

/** Every combination of numbers at and beside the rule's boundaries. */
export function pairsAroundBoundaries(policy: RotationPolicy): Pair[] {
  const { leeway, idleTtl } = policy;
  const pairs: Pair[] = [];
  const issuedAt = [0, -1, -leeway, 1 - leeway, -1 - leeway, leeway, leeway - 1, leeway + 1, -idleTtl - 5_000];
  for (const issued of distinct(issuedAt.map((offset) => NOW + offset))) {
    for (const used of [0, issued - 2_000, issued]) {
      for (const floor of distinct([used, used + 1_000, issued].filter((number) => number <= issued))) {
        for (const life of lives(policy)) {
          const row = { used, floor, issued, ...life };
          for (const n of numbersBeside(row, idleTtl)) {
            pairs.push({ row, n, now: NOW, acceptAhead: pairs.length % 2 === 0 });
            if (n > issued) pairs.push({ row, n, now: NOW, acceptAhead: pairs.length % 2 === 0 });
          }
        }
      }
    }
  }
  return pairs;
}

function numbersBeside({ used, floor, issued }: RotationState, idleTtl: number): number[] {
  const anchors = [used, floor, issued];
  const beside = anchors.flatMap((anchor) => [anchor - 1, anchor, anchor + 1]);
  // The idle end of a token that is ahead of its row counts from the token.
  return distinct([...beside, NOW + 5_000, NOW - idleTtl, NOW - idleTtl + 1]).filter((n) => n >= 0);
}

type Life = Pick<RotationState, 'createdAt' | 'expiresAt' | 'revokedAt'>;

function lives({ idleTtl, absoluteTtl }: RotationPolicy): Life[] {
  const alive: Life = { createdAt: CREATED, expiresAt: NOW + idleTtl, revokedAt: null };
  return [
    alive,
    { ...alive, createdAt: CREATED - 1 },
    { ...alive, expiresAt: NOW },
    { ...alive, expiresAt: NOW + 1 },
    { ...alive, createdAt: NOW - absoluteTtl },
    { ...alive, createdAt: NOW - absoluteTtl + 1 },
    { ...alive, revokedAt: NOW - 1 },
  ];
}

/** Numbers near each other and near the boundaries, or anywhere. */
export function anyPair({ leeway, idleTtl, absoluteTtl }: RotationPolicy): fc.Arbitrary<Pair> {
  const near = (...points: number[]) =>
    fc.tuple(fc.constantFrom(...points), fc.integer({ min: -2, max: 2 })).map(([point, by]) => Math.max(0, point + by));
  const around = fc.integer({ min: NOW - 60 * DAY, max: NOW + DAY });
  const close = fc.integer({ min: NOW - 2 * leeway, max: NOW + 2 * leeway });

  return fc
    .record({
      issued: fc.oneof(close, around, near(NOW, NOW - leeway, NOW + leeway)),
      usedBefore: fc.oneof(fc.constantFrom(0, 1, Infinity), fc.nat(100_000)),
      floorBefore: fc.oneof(fc.constantFrom(0, 1), fc.nat(100_000)),
      created: fc.oneof(near(NOW - absoluteTtl, CREATED), fc.integer({ min: NOW - absoluteTtl, max: NOW })),
      expires: fc.oneof(near(NOW, NOW + idleTtl), fc.integer({ min: NOW, max: NOW + idleTtl })),
      revokedAt: fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: around }),
      acceptAhead: fc.boolean(),
    })
    .chain(({ issued, usedBefore, floorBefore, created, expires, revokedAt, acceptAhead }) => {
      const used = Math.max(0, issued - usedBefore);
      const floor = used === 0 ? 0 : Math.max(used, issued - floorBefore);
      const row = { used, floor, issued, createdAt: created, expiresAt: expires, revokedAt };
      const n = fc.oneof(
        near(used, floor, issued),
        near(NOW, NOW - idleTtl),
        fc.integer({ min: floor, max: issued + 1_000 }),
      );
      return n.map((number) => ({ row, n: number, now: NOW, acceptAhead }));
    });
}

function distinct(numbers: number[]): number[] {
  return [...new Set(numbers)];
}
