import { join } from 'node:path';

/** Where the service keeps its sessions. */
export type DatabaseLocation =
  | { readonly type: 'sqlite'; readonly path: string }
  | { readonly type: 'postgres' | 'mariadb' | 'cockroach'; readonly url: string };

/** What a server's kind is called in messages. */
const NAMES = { postgres: 'PostgreSQL', mariadb: 'MariaDB', cockroach: 'CockroachDB' } as const;

/** The database's name for messages: without the password that its address may hold. */
export function nameOf(location: DatabaseLocation): string {
  if (location.type === 'sqlite') return `the SQLite database ${location.path}`;
  const { host, pathname } = new URL(location.url);
  return `the ${NAMES[location.type]} database ${host}${pathname}`;
}

/** Where it keeps them unless it is told otherwise. */
export function sqliteIn(dataDir: string): DatabaseLocation {
  return { type: 'sqlite', path: join(dataDir, 'refresh-tokens.sqlite') };
}

/** Reads `sqlite:<path>`, `postgres://…`, `mariadb://…` or `cockroachdb://…`. @returns `undefined` where it is none */
export function parseDatabaseUrl(text: string): DatabaseLocation | undefined {
  // The host may be a socket, which stands in the query: a folder for PostgreSQL, a file for MariaDB.
  if (/^postgres(ql)?:\/\//.test(text)) return namesHost(text, 'host') ? { type: 'postgres', url: text } : undefined;
  if (text.startsWith('cockroachdb://')) return namesHost(text) ? { type: 'cockroach', url: text } : undefined;
  if (/^(mysql|mariadb):\/\//.test(text)) {
    const isRead = namesHost(text, 'socket') && namesDatabase(text) && isDecodable(text) && hasKnownParameters(text);
    return isRead ? { type: 'mariadb', url: text } : undefined;
  }
  // sqlite:///abs is the form of other tools for sqlite:/abs.
  const path = /^sqlite:(?:\/\/(?=\/))?(.+)$/s.exec(text)?.[1];
  return path && !path.startsWith('//') && !path.endsWith('/') ? { type: 'sqlite', path } : undefined;
}

function namesHost(text: string, socket?: string): boolean {
  if (!URL.canParse(text)) return false;
  const { hostname, searchParams } = new URL(text);
  return hostname !== '' || (socket !== undefined && searchParams.has(socket));
}

/** A parameter that isn't known is not left out: one that asks for TLS would be. */
function hasKnownParameters(text: string): boolean {
  return [...new URL(text).searchParams].every(
    ([name, value]) => name === 'socket' || (name === 'ssl' && (value === 'true' || value === 'false')),
  );
}

function isDecodable(text: string): boolean {
  const { username, password, pathname } = new URL(text);
  try {
    [username, password, pathname].forEach(decodeURIComponent);
    return true;
  } catch {
    return false;
  }
}

/** PostgreSQL and CockroachDB have one by default. */
function namesDatabase(text: string): boolean {
  return new URL(text).pathname.length > 1;
}
