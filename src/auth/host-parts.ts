import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { LEGACY_TOKENS, SESSION_OBSERVER, SESSION_POLICY } from './auth.tokens.js';
import type { LegacyTokens } from './refresh-token/legacy-tokens.js';
import type { SessionObserver } from './session/session.events.js';
import type { SessionPolicy } from './session/session.policy.js';

/**
 * What the host has its say with; each is `null` where there is none. They are looked up once all is made, so that
 * they may inject what they have their say in: an observer that ends sessions, say.
 */
@Injectable()
export class HostParts implements OnModuleInit {
  policy: SessionPolicy | null = null;
  observer: SessionObserver | null = null;
  legacyTokens: LegacyTokens | null = null;

  constructor(private readonly moduleRef: ModuleRef) {}

  onModuleInit(): void {
    this.policy = this.moduleRef.get<SessionPolicy | null>(SESSION_POLICY);
    this.observer = this.moduleRef.get<SessionObserver | null>(SESSION_OBSERVER);
    this.legacyTokens = this.moduleRef.get<LegacyTokens | null>(LEGACY_TOKENS);
  }
}
