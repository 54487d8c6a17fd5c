import { Inject, Injectable, Optional, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { ConfigurationError } from '../auth.errors.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { AUTH_MODULE_NAME, RESOLVED_OPTIONS } from '../injection-tokens.js';

/** How a provider of every module in the application is looked up. */
const LIKE_ALL = { strict: false, each: true } as const;

/** Keeps several modules of one application apart: a token is good at its own module only. */
@Injectable()
export class ModuleIsolation implements OnModuleInit {
  constructor(
    private readonly moduleRef: ModuleRef,
    @Inject(RESOLVED_OPTIONS) private readonly options: ResolvedOptions,
    @Optional() @Inject(AUTH_MODULE_NAME) private readonly name?: string,
  ) {}

  /** @throws ConfigurationError where another module would accept this module's tokens */
  onModuleInit(): void {
    const names = this.moduleRef.get<string | undefined, string | undefined>(AUTH_MODULE_NAME, LIKE_ALL);
    if (names.filter((name) => name === this.name).length > 1) {
      const which = this.name === undefined ? 'without a name' : `named ${JSON.stringify(this.name)}`;
      throw new ConfigurationError(`name: got two AuthModules ${which}, takes a name of its own for each but one.`);
    }
    const all = this.moduleRef.get<ResolvedOptions, ResolvedOptions>(RESOLVED_OPTIONS, LIKE_ALL);
    for (const other of all) {
      if (other === this.options) continue;
      requireOwnCookie(this.options, other);
      if (sharesSecret(this.options, other)) refuse('refreshToken.secrets', 'a secret');
      if (sharesAccessTokens(this.options, other)) refuse('accessToken', 'a key, with the same issuer and audience,');
    }
  }
}

function refuse(option: string, what: string): never {
  throw new ConfigurationError(
    `${option}: got ${what} that another AuthModule of this application has, takes those of its own: each would take the other's tokens.`,
  );
}

/** A browser keeps one cookie of a name: a login at one module would sign the user out at the other. */
function requireOwnCookie({ cookie }: ResolvedOptions, other: ResolvedOptions): void {
  if (!cookie || cookie.name !== other.cookie?.name) return;
  throw new ConfigurationError(
    `cookie.name: got ${JSON.stringify(cookie.name)}, which another AuthModule of this application has, takes a name of its own.`,
  );
}

function sharesSecret(one: ResolvedOptions, other: ResolvedOptions): boolean {
  return one.refreshToken.secrets.some(({ fingerprint }) =>
    other.refreshToken.secrets.some((secret) => secret.fingerprint === fingerprint),
  );
}

/** Modules may share a key where issuer or audience differ, since verifiers pin both. */
function sharesAccessTokens({ accessToken: one }: ResolvedOptions, { accessToken: other }: ResolvedOptions): boolean {
  const audiences = new Set([other.audience].flat());
  return (
    one.issuer === other.issuer &&
    [one.audience].flat().some((audience) => audiences.has(audience)) &&
    one.keys.some(({ verificationKey }) => other.keys.some((key) => key.verificationKey.equals(verificationKey)))
  );
}
