import { AccessTokenKey } from '../key-ring/signing-key.entity.js';
import { RefreshTokenSecret } from '../key-ring/token-secret.entity.js';
import { RefreshTokenSession } from '../session/session.entity.js';

/** The module's entities: add them to your DataSource's `entities`. */
export const refreshTokenEntities = [RefreshTokenSession, RefreshTokenSecret, AccessTokenKey];
