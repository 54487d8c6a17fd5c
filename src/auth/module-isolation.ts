import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { ConfigurationError } from './auth.errors.js';
import type { AuthSettings } from './auth.options.js';
import { AUTH_SETTINGS } from './auth.tokens.js';

/** Several modules of one application: each token is good only at its own. */
@Injectable()
export class ModuleIsolation implements OnModuleInit {
  constructor(
    private readonly moduleRef: ModuleRef,
    @Inject(AUTH_SETTINGS) private readonly settings: AuthSettings,
  ) {}

  /** @throws ConfigurationError where another module would take this one's tokens */
  onModuleInit(): void {
    const all = this.moduleRef.get<AuthSettings, AuthSettings>(AUTH_SETTINGS, { strict: false, each: true });
    for (const other of all) {
      if (other === this.settings) continue;
      if (sharesSecret(this.settings, other)) refuse('refreshToken.secrets', 'a secret');
      if (sharesAccessTokens(this.settings, other)) refuse('accessToken', 'a key, with the same issuer and audience,');
    }
  }
}

function refuse(option: string, what: string): never {
  throw new ConfigurationError(
    `${option}: got ${what} that another AuthModule of this application has, takes those of its own: each would take the other's tokens.`,
  );
}

function sharesSecret(one: AuthSettings, other: AuthSettings): boolean {
  return one.refreshToken.secrets.some(({ fingerprint }) =>
    other.refreshToken.secrets.some((secret) => secret.fingerprint === fingerprint),
  );
}

/** The issuer and the audience are pinned: where they differ, a key may be shared. */
function sharesAccessTokens({ accessToken: one }: AuthSettings, { accessToken: other }: AuthSettings): boolean {
  const audiences = new Set([other.audience].flat());
  return (
    one.issuer === other.issuer &&
    [one.audience].flat().some((audience) => audiences.has(audience)) &&
    one.keys.some(({ verificationKey }) => other.keys.some((key) => key.verificationKey.equals(verificationKey)))
  );
}
