import { createHash, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { InvalidServiceKeyError } from '../auth.errors.js';
import type { ResolvedOptions } from '../options/resolved-options.js';
import { RESOLVED_OPTIONS } from '../injection-tokens.js';

/** The keys of login backends and resource servers. */
@Injectable()
export class ServiceKeys {
  private readonly digests: readonly Buffer[];

  constructor(@Inject(RESOLVED_OPTIONS) { serviceKeys }: ResolvedOptions) {
    this.digests = serviceKeys.map(digest);
  }

  /** Whether there are any: without, nobody is let in. */
  get areThere(): boolean {
    return this.digests.length > 0;
  }

  /** @throws InvalidServiceKeyError where none of the texts is one of them */
  require(...presented: readonly (string | undefined)[]): void {
    if (!presented.some((text) => this.include(text))) throw new InvalidServiceKeyError();
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
