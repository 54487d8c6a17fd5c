/** What the database knows of a signing key or a secret. Times are milliseconds since the epoch. */
export interface KnownKey {
  /** A signing key's `kid`, a secret's fingerprint. */
  readonly id: string;
  /** When the first instance had it. */
  readonly firstSeenAt: number;
  /** When it began to sign or to mint; null where it never did. */
  readonly usedAt: number | null;
  /** When another began in its place; null while it is in use. */
  readonly replacedAt: number | null;
  /** When an instance started without it; null while it is configured. */
  readonly withdrawnAt: number | null;
}

/** Which key is used, and when the first one of the list is. */
export interface KeySchedule {
  /** The key that is used until the first one begins. */
  readonly incumbent: string;
  /** When the first one begins, in milliseconds; `-Infinity` where it may be used at once. */
  readonly beginsAt: number;
}

/**
 * The one rule for signing keys and secrets: the first of the list is known at once, and used once the activation
 * delay has passed since the first instance had it, so that every instance and every verifier knows it by then.
 * @param ids those that are configured, the first of which is to be used
 * @param known what the database knows, all of `ids` among it
 * @param delay the activation delay, in milliseconds
 */
export function scheduleOf(ids: readonly string[], known: readonly KnownKey[], delay: number): KeySchedule {
  const [first, ...others] = ids.map((id) => known.find((key) => key.id === id) as KnownKey) as [
    KnownKey,
    ...KnownKey[],
  ];
  const incumbent = latestOf(others);
  if (!incumbent || delay === 0 || isKnownEverywhere(first)) return { incumbent: first.id, beginsAt: -Infinity };
  return { incumbent: incumbent.id, beginsAt: first.firstSeenAt + delay };
}

/** Whether a key was used since it was last new: every instance has had it since then. */
export function isKnownEverywhere({ firstSeenAt, usedAt }: KnownKey): boolean {
  return usedAt !== null && usedAt >= firstSeenAt;
}

/** Whether a key is the one in use, as far as the database knows. */
export function isInUse(key: KnownKey): boolean {
  return isKnownEverywhere(key) && key.replacedAt === null;
}

/**
 * Until when tokens of a key may be presented, in milliseconds: `Infinity` while it is in use, `-Infinity` where it
 * was never used.
 * @param life how long a token lives after the key was replaced, in milliseconds
 */
export function neededUntil({ usedAt, replacedAt }: KnownKey, life: number): number {
  if (usedAt === null) return -Infinity;
  return replacedAt === null ? Infinity : replacedAt + life;
}

/**
 * For how long verifiers may keep the JWK set, in milliseconds: a fifth of the activation delay. The rest is the time
 * in which a roll-out must reach every instance.
 */
export function jwksMaxAge(keyActivationDelay: number): number {
  return Math.floor(keyActivationDelay / 5_000) * 1_000;
}

/** Of keys that were used, the one in use, else the one that was replaced last. */
function latestOf(keys: readonly KnownKey[]): KnownKey | undefined {
  const endOf = ({ replacedAt }: KnownKey) => replacedAt ?? Infinity;
  return keys
    .filter(({ usedAt }) => usedAt !== null)
    .reduce<KnownKey | undefined>((last, key) => (last && endOf(last) >= endOf(key) ? last : key), undefined);
}
