import { createHash, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { InvalidServiceKeyError } from '../auth.errors.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';

/** The service keys: the credentials of login backends and resource servers. */
@Injectable()
export class ServiceKeys {
  private readonly digests: readonly Buffer[];

  constructor(@Inject(RESOLVED_OPTIONS) { serviceKeys }: ResolvedOptions) {
    this.digests = serviceKeys.map(digest);
  }

  /** Whether any key is configured. Without one, no backend is let in. */
  get areThere(): boolean {
    return this.digests.length > 0;
  }

  /** @throws InvalidServiceKeyError where none of the presented texts is a service key */
  require(...presented: readonly (string | undefined)[]): void {
    if (!presented.some((text) => this.include(text))) throw new InvalidServiceKeyError();
  }

  /** Whether a text is a service key. */
  include(text: string | undefined): boolean {
    if (text === undefined) return false;
    const presented = digest(text);
    // Digests have one length, and all of them are compared: the time tells neither a key's length nor which key it was.
    return this.digests.filter((known) => timingSafeEqual(known, presented)).length > 0;
  }
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
