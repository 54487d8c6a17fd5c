import type { DatabaseKind } from '../contenders.js';
import { reasonOf } from '../not-available.error.js';
import type { DatabaseDescription, DatabaseSource } from './bench-database.js';

/** Which databases can be measured, and why the others can't. */
export interface DescribedDatabases {
  readonly there: readonly DatabaseDescription[];
  readonly missing: ReadonlyMap<DatabaseKind, string>;
}

/** Asks each kind of database what it is. */
export async function describeDatabases(
  sources: Readonly<Record<DatabaseKind, DatabaseSource>>,
): Promise<DescribedDatabases> {
  const there: DatabaseDescription[] = [];
  const missing = new Map<DatabaseKind, string>();
  for (const kind of Object.keys(sources) as DatabaseKind[]) {
    try {
      there.push(await sources[kind].describe());
    } catch (error) {
      missing.set(kind, reasonOf(error));
    }
  }
  return { there, missing };
}
