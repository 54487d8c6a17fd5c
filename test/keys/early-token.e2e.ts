import { Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { AuthModule, RefreshTokenService, type AuthModuleOptions, type IssuedSession } from 'nest-refresh-token';
import { generateSigningKey } from '../../src/auth/keys/key-generation.js';
import { tokenSecret } from '../../src/auth/keys/token-secret.js';
import { createDatabase, type TestDatabase } from '../support/databases/databases.js';
import { isMadeWith, keyIdOf } from '../support/http/token-parts.js';
import { hostOptions, sqlite, startHost } from '../support/hosts/host.js';

const [OLD, NEW] = ['old', 'new'].map((name) => ({
  secret: `the-${name}-refresh-token-secret-of-a-host-0123456789`,
  key: { ...generateSigningKey(), kid: name },
})) as [{ secret: string; key: { kid: string } }, { secret: string; key: { kid: string } }];
type Keys = typeof OLD;

/** Signs a user in while the application starts, without importing the module: Nest may start it first. */
@Injectable()
class EarlyLogin implements OnModuleInit {
  session?: IssuedSession;

  constructor(private readonly moduleRef: ModuleRef) {}

  async onModuleInit(): Promise<void> {
    this.session = await this.moduleRef.get(RefreshTokenService, { strict: false }).issue({ subject: 'alice' });
  }
}

@Module({ providers: [EarlyLogin] })
class EarlyLoginModule {}

let database: TestDatabase;

beforeEach(async () => {
  database = await createDatabase('SQLite');
});

afterEach(() => database.drop());

/** The tokens that a host with these keys makes before the module's own hooks have run. */
async function earlySession(keys: readonly Keys[]): Promise<IssuedSession> {
  const { accessToken } = hostOptions();
  const options = {
    refreshToken: { secrets: keys.map(({ secret }) => secret) },
    accessToken: { ...accessToken, keys: keys.map(({ key }) => key) },
  } as AuthModuleOptions;
  const { app } = await startHost({ imports: [EarlyLoginModule, sqlite(database), AuthModule.forRoot(options)] });
  const { session } = app.get(EarlyLogin, { strict: false });
  await app.close();
  return session as IssuedSession;
}

it('a token that a host makes in a hook of its own is of no key before its time', async () => {
  await earlySession([OLD]);

  const { access_token, refresh_token } = await earlySession([NEW, OLD]);
  expect(keyIdOf(access_token)).toBe(OLD.key.kid);
  expect(isMadeWith(refresh_token, tokenSecret(OLD.secret).fingerprint)).toBe(true);
});

it('a host with a secret of its own for access tokens may make a token there, too', async () => {
  const { issuer } = hostOptions().accessToken;
  const options: AuthModuleOptions = {
    refreshToken: { secrets: [OLD.secret] },
    accessToken: { issuer, algorithm: 'HS256', secret: 'access-token-secret-of-a-host-0123456789' },
  };
  const { app } = await startHost({ imports: [EarlyLoginModule, sqlite(database), AuthModule.forRoot(options)] });
  expect(app.get(EarlyLogin, { strict: false }).session).toMatchObject({ subject: 'alice' });
  await app.close();
});
