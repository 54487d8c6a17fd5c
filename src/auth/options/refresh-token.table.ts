import { isFingerprint, tokenSecrets } from '../keys/token-secret.js';
import type { RefreshTokenOptions } from './auth.options.js';
import { optional, Refusal, table, withDefault, type Reader, type Readers } from './reader.js';
import { choice, duration, list, matching, sizeOf } from './readers.js';

/** The shortest secret, in characters. */
const SECRET_LENGTH = 32;

/** The options of refresh tokens: limits and defaults. */
export const refreshTokenTable = table('refreshToken', {
  secrets: secrets(),
  retiredSecrets: optional(
    list({
      of: 'fingerprints of 16 hex digits',
      takes: 'fingerprints of 16 hex digits, as the refused start prints them',
      isEntry: isFingerprint,
      // A secret may have been pasted into the wrong place.
      refuse: (entry, _, takes) => new Refusal(sizeOf(entry), takes),
    }),
    [],
  ),
  prefix: withDefault(matching(/^[A-Za-z0-9_-]{0,32}$/, 'at most 32 letters, digits, _ and -'), 'rt_'),
  leeway: withDefault(duration({ max: '5m' }), '10s'),
  idleTtl: withDefault(duration(), '30d'),
  absoluteTtl: withDefault(duration({ min: '1s' }), '365d'),
  lostResponse: withDefault(choice('forgive', 'revoke'), 'forgive'),
} satisfies Readers<RefreshTokenOptions>);

/** A list of secrets in which no two have the same id, the byte by which a token names its secret. */
function secrets(): Reader<readonly string[], string[]> {
  const reader = list({
    of: `secrets of at least ${SECRET_LENGTH} characters each`,
    isEmptyTaken: false,
    isEntry: (entry) => typeof entry === 'string' && entry.length >= SECRET_LENGTH,
    refuse: (entry, position, takes) => new Refusal(sizeOf(entry), takes, `[${position}]`),
  });
  return {
    ...reader,
    read(value, now) {
      const read = reader.read(value, now);
      // Throws where two have the same id. The derived keys aren't needed before all options are good.
      if (!(read instanceof Refusal)) tokenSecrets(read);
      return read;
    },
  };
}
