import type { ModuleWideOptions } from './auth.options.js';
import { optional, Refusal, table, withDefault, type Readers } from './reader.js';
import { duration, list, sizeOf } from './readers.js';

/** The options that stand in no group: limits and defaults. */
export const moduleTable = table('moduleWide', {
  serviceKeys: optional(
    list({
      of: 'keys of at least 24 printable characters each',
      isEntry: (entry) => typeof entry === 'string' && /^[\x21-\x7E]{24,}$/.test(entry),
      refuse: (entry, position, takes) => new Refusal(sizeOf(entry), takes, `[${position}]`),
    }),
    [],
  ),
  keyActivationDelay: withDefault(duration(), '5m'),
} satisfies Readers<ModuleWideOptions>);
