import { join } from 'node:path';

/** Where the service keeps its sessions. */
export type DatabaseLocation =
  { readonly type: 'sqlite'; readonly path: string } | { readonly type: 'postgres'; readonly url: string };

/** The database's name for messages: without the password that its address may hold. */
export function nameOf(location: DatabaseLocation): string {
  if (location.type === 'sqlite') return `the SQLite database ${location.path}`;
  const { host, pathname } = new URL(location.url);
  return `the PostgreSQL database ${host}${pathname}`;
}

/** Where it keeps them unless it is told otherwise. */
export function sqliteIn(dataDir: string): DatabaseLocation {
  return { type: 'sqlite', path: join(dataDir, 'refresh-tokens.sqlite') };
}

/** Reads `sqlite:<path>` or `postgres://…`. @returns `undefined` where it is neither */
export function parseDatabaseUrl(text: string): DatabaseLocation | undefined {
  if (/^postgres(ql)?:\/\//.test(text)) return namesHost(text) ? { type: 'postgres', url: text } : undefined;
  // sqlite:///abs is the form of other tools for sqlite:/abs.
  const path = /^sqlite:(?:\/\/(?=\/))?(.+)$/s.exec(text)?.[1];
  return path && !path.startsWith('//') && !path.endsWith('/') ? { type: 'sqlite', path } : undefined;
}

/** The host may be a socket's folder, which stands in the query: `postgres:///database?host=/run/postgresql`. */
function namesHost(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { hostname, searchParams } = new URL(text);
  return hostname !== '' || searchParams.has('host');
}
