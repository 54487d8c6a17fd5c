import { AccessTokenKey } from './access-token/access-token-key.entity.js';
import { RefreshTokenSecret } from './refresh-token/refresh-token-secret.entity.js';
import { RefreshTokenSession } from './session/refresh-token-session.entity.js';

/** The module's entities: add them to your DataSource's `entities`. */
export const refreshTokenEntities = [RefreshTokenSession, RefreshTokenSecret, AccessTokenKey];
