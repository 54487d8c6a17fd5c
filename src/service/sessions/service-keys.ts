import { createHash, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { SERVICE_CONFIG } from '../service.tokens.js';
import type { ServiceConfig } from '../service.config.js';

/** The keys of login backends. */
@Injectable()
export class ServiceKeys {
  private readonly digests: readonly Buffer[];

  constructor(@Inject(SERVICE_CONFIG) config: ServiceConfig) {
    this.digests = config.serviceKeys.map(digest);
  }

  /** Whether a text is one of them. */
  include(text: string | undefined): boolean {
    if (text === undefined) return false;
    const presented = digest(text);
    // Digests are of one length, and all are compared: the time tells neither a length nor which key it was.
    return this.digests.filter((known) => timingSafeEqual(known, presented)).length > 0;
  }
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
