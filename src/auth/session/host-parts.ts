import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { LEGACY_TOKENS, SESSION_OBSERVER, SESSION_POLICY } from '../injection-tokens.js';
import type { LegacyTokens } from '../refresh-token/legacy/legacy-tokens.js';
import type { SessionObserver } from './session.observer.js';
import type { SessionPolicy } from './session.policy.js';

/**
 * What the host has its say with; each is `null` where there is none. They are looked up when they are first needed,
 * so that they may inject what they have their say in: an observer that ends sessions, say.
 */
@Injectable()
export class HostParts implements OnModuleInit {
  private found: Pick<HostParts, 'policy' | 'observer' | 'legacyTokens'> | undefined;

  constructor(private readonly moduleRef: ModuleRef) {}

  get policy(): SessionPolicy | null {
    return this.look().policy;
  }

  get observer(): SessionObserver | null {
    return this.look().observer;
  }

  get legacyTokens(): LegacyTokens | null {
    return this.look().legacyTokens;
  }

  /** What can't be looked up, such as a part that is made for each request, stops the start. */
  onModuleInit(): void {
    this.look();
  }

  private look() {
    this.found ??= {
      policy: this.moduleRef.get<SessionPolicy | null>(SESSION_POLICY),
      observer: this.moduleRef.get<SessionObserver | null>(SESSION_OBSERVER),
      legacyTokens: this.moduleRef.get<LegacyTokens | null>(LEGACY_TOKENS),
    };
    return this.found;
  }
}
