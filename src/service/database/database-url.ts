import { join } from 'node:path';

/** A database in a file, for one instance. */
export interface DatabaseFile {
  readonly type: 'sqlite';
  readonly path: string;
}

/** A database on a server, which several instances may share. */
export interface DatabaseServer {
  readonly type: keyof typeof SERVERS;
  readonly url: string;
}

/** Where the service keeps its sessions. */
export type DatabaseLocation = DatabaseFile | DatabaseServer;

/** How the address of a server is read: one entry for each kind of server. */
interface ServerAddress {
  /** The database's name in messages. */
  readonly name: string;
  readonly schemes: readonly string[];
  /** The schemes that messages and the README name. */
  readonly shown: string;
  /** Whether an address with one of the schemes can be read. */
  isReadable(address: URL): boolean;
}

const SERVERS = {
  postgres: {
    name: 'PostgreSQL',
    schemes: ['postgres:', 'postgresql:'],
    shown: 'postgres',
    // The host may be the folder of a socket, which stands in the query.
    isReadable: (address) => namesHost(address, 'host'),
  },
  mariadb: {
    name: 'MariaDB',
    schemes: ['mysql:', 'mariadb:'],
    shown: 'mysql, mariadb',
    // The host may be the file of a socket, which stands in the query. MariaDB has no database by default.
    isReadable: (address) =>
      namesHost(address, 'socket') && address.pathname.length > 1 && isDecodable(address) && asksForKnown(address),
  },
} as const satisfies Record<string, ServerAddress>;

/** The form of `DATABASE_URL` in words, for messages and the README. */
export const DATABASE_URL_TAKES = `sqlite:<path> or <${Object.values(SERVERS)
  .map(({ shown }) => shown)
  .join(', ')}>://<user>:<password>@<host>:<port>/<database>`;

/** Reads a text of the form `DATABASE_URL_TAKES`. @returns `undefined` where the text has another form */
export function parseDatabaseUrl(text: string): DatabaseLocation | undefined {
  return text.startsWith('sqlite:') ? fileAt(text) : serverAt(text);
}

/** The database's name for messages: without the password that its address may hold. */
export function nameOf(location: DatabaseLocation): string {
  if (!isOnServer(location)) return `the SQLite database ${location.path}`;
  const { host, pathname } = new URL(location.url);
  return `the ${SERVERS[location.type].name} database ${host}${pathname}`;
}

/** Where the service keeps its sessions without `DATABASE_URL`. */
export function sqliteIn(dataDir: string): DatabaseFile {
  return { type: 'sqlite', path: join(dataDir, 'refresh-tokens.sqlite') };
}

/** Whether a database is on a server, where other instances may share it. */
export function isOnServer(location: DatabaseLocation): location is DatabaseServer {
  return 'url' in location;
}

function fileAt(text: string): DatabaseFile | undefined {
  // sqlite:///abs is the form of other tools for sqlite:/abs.
  const path = /^sqlite:(?:\/\/(?=\/))?(.+)$/s.exec(text)?.[1];
  return path && !path.startsWith('//') && !path.endsWith('/') ? { type: 'sqlite', path } : undefined;
}

function serverAt(text: string): DatabaseServer | undefined {
  if (!/^[a-z]+:\/\//.test(text) || !URL.canParse(text)) return undefined;
  const address = new URL(text);
  const types = Object.keys(SERVERS) as (keyof typeof SERVERS)[];
  const type = types.find((one) => (SERVERS[one].schemes as readonly string[]).includes(address.protocol));
  return type && SERVERS[type].isReadable(address) ? { type, url: text } : undefined;
}

function namesHost({ hostname, searchParams }: URL, socket: string): boolean {
  return hostname !== '' || searchParams.has(socket);
}

/** An unknown parameter is refused: ignoring one that asks for TLS would connect in the clear. */
function asksForKnown({ searchParams }: URL): boolean {
  return [...searchParams].every(
    ([name, value]) => name === 'socket' || (name === 'ssl' && (value === 'true' || value === 'false')),
  );
}

function isDecodable({ username, password, pathname }: URL): boolean {
  try {
    [username, password, pathname].forEach(decodeURIComponent);
    return true;
  } catch {
    return false;
  }
}
