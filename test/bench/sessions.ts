import { createHash, randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { resolveAuthOptions } from '../../src/auth/options/resolve-options.js';
import { KeyRing } from '../../src/auth/key-ring/key-ring.js';
import { RefreshTokenCodec } from '../../src/auth/refresh-token/refresh-token.codec.js';
import { RefreshToken } from '../../src/auth/refresh-token/refresh-token.js';
import { tokenSecret } from '../../src/auth/keys/token-secret.js';
import { TOKEN_LENGTH } from './token-pool.js';

const HANDLE_SIZE = 16;

/** Sessions that haven't been refreshed yet. */
export interface NewSessions {
  readonly ids: readonly string[];
  /** User ids of 36 characters, each of one session. */
  readonly subjects: readonly string[];
  /** The number of their tokens, all the same. */
  readonly number: number;
}

/**
 * Makes sessions and their first tokens; the tokens go to a file, for the load generator.
 * @param secret what the services under test have as `REFRESH_TOKEN_SECRETS`
 */
export async function makeSessions(count: number, secret: string, file: string): Promise<NewSessions> {
  const settings = resolveAuthOptions(
    {
      refreshToken: { secrets: [secret] },
      accessToken: { issuer: 'https://bench.example', algorithm: 'HS256', secret },
    },
    Date.now(),
  );
  const codec = new RefreshTokenCodec(new KeyRing(settings), settings);
  const minting = tokenSecret(secret);
  const number = Date.now();
  const ids: string[] = [];
  const subjects: string[] = [];
  const tokens = Buffer.alloc(count * TOKEN_LENGTH);
  for (let session = 0; session < count; session++) {
    const handle = createHash('sha256').update(`${secret}/${session}`).digest().subarray(0, HANDLE_SIZE);
    const token = new RefreshToken(handle, number);
    ids.push(token.sessionId);
    subjects.push(randomUUID());
    tokens.write(codec.encode(token, minting), session * TOKEN_LENGTH, 'latin1');
  }
  await writeFile(file, tokens, { mode: 0o600 });
  return { ids, subjects, number };
}
