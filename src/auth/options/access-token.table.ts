import type { AccessTokenCommonOptions, SharedSecretOptions, SigningKeysOptions } from './auth.options.js';
import { optional, Refusal, table, withDefault, type Reader, type Readers } from './reader.js';
import { duration, flag, matching, refused } from './readers.js';

/** The options that say what signs access tokens. `signingKeys` reads them together. */
export const SIGNING_OPTIONS: readonly string[] = Object.keys({
  keys: true,
  algorithm: true,
  secret: true,
} satisfies Record<keyof SigningKeysOptions | keyof SharedSecretOptions, true>);

const nonEmpty: Reader<string> = matching(/./s, 'a non-empty string');

/** The other options of access tokens: limits and defaults. */
export const accessTokenTable = table('accessToken', {
  issuer: nonEmpty,
  audience: optional(audience(), undefined),
  ttl: withDefault(duration({ min: '1s' }), '1h'),
  clockTolerance: withDefault(duration({ max: '5m' }), 0),
  checkSession: withDefault(flag(), false),
} satisfies Readers<AccessTokenCommonOptions>);

/** One audience, or a list of them. */
function audience(): Reader<string | readonly string[], string | [string, ...string[]]> {
  return {
    ...nonEmpty,
    read(value, now) {
      if (!Array.isArray(value)) return nonEmpty.read(value, now);
      const audiences: string[] = [];
      for (const entry of value as unknown[]) {
        const read = nonEmpty.read(entry, now);
        if (read instanceof Refusal) return read;
        audiences.push(read);
      }
      const [first, ...others] = audiences;
      return first === undefined ? refused(value, 'a string, or a list of at least one') : [first, ...others];
    },
  };
}
