/** What answers HTTP. */
export type Adapter = 'Express' | 'Fastify';

/** What keeps the sessions. */
export type DatabaseKind = 'SQLite' | 'PostgreSQL' | 'MariaDB';

/** `none` is a leeway of 0: each refresh rotates and writes. */
export type Leeway = 'none' | 'default';

/** An empty handler: what the framework itself costs. */
export interface Baseline {
  readonly kind: 'baseline';
  readonly name: string;
  readonly adapter: Adapter;
  /** Its file in `baselines/`, without the extension. */
  readonly program: string;
}

/** The built service. */
export interface Contender {
  readonly kind: 'service';
  readonly name: string;
  readonly adapter: Adapter;
  readonly database: DatabaseKind;
  /** How many sessions there are; each refresh takes one of all of them at random. */
  readonly sessions: number;
  readonly leeway: Leeway;
}

export type Measured = Baseline | Contender;

export const ADAPTERS: readonly Adapter[] = ['Express', 'Fastify'];
export const DATABASE_KINDS: readonly DatabaseKind[] = ['SQLite', 'PostgreSQL', 'MariaDB'];

const BASELINES: readonly Baseline[] = [
  { kind: 'baseline', name: 'express/bare', adapter: 'Express', program: 'express' },
  { kind: 'baseline', name: 'express/nest', adapter: 'Express', program: 'nest-express' },
  { kind: 'baseline', name: 'fastify/bare', adapter: 'Fastify', program: 'fastify' },
  { kind: 'baseline', name: 'fastify/nest', adapter: 'Fastify', program: 'nest-fastify' },
];

/** What a run measures. */
export interface Scope {
  /** How many sessions there are where all combinations are measured. */
  readonly sessions: number;
  /** How many there are where growth is measured, with a leeway of 0, and on what. */
  readonly larger: readonly number[];
  readonly largerOn: readonly DatabaseKind[];
  /** Parts of names: only what has one of them in its own; without any, everything. */
  readonly only: readonly string[];
}

/** All that is measured again and again. */
export function contenders({ sessions, larger, largerOn, only }: Scope): Measured[] {
  const services = ADAPTERS.flatMap((adapter) =>
    DATABASE_KINDS.flatMap((database) => [
      contender(adapter, database, sessions, 'none'),
      contender(adapter, database, sessions, 'default'),
      ...(largerOn.includes(database) ? larger : []).map((size) => contender(adapter, database, size, 'none')),
    ]),
  );
  return [...BASELINES, ...services].filter(({ name }) => isAskedFor(name, only));
}

/** Whether a measurement of that name is wanted. */
export function isAskedFor(name: string, only: readonly string[]): boolean {
  return only.length === 0 || only.some((part) => name.includes(part.toLowerCase()));
}

/** The name of a combination. */
export function nameOf(adapter: Adapter, database: DatabaseKind, sessions: number, leeway: Leeway): string {
  const parts = [adapter, database, leeway === 'none' ? 'leeway-0' : 'default-leeway', sizeName(sessions)];
  return parts.join('/').toLowerCase();
}

/** `1k`, `100k`, `1m`. */
export function sizeName(sessions: number): string {
  if (sessions % 1_000_000 === 0) return `${sessions / 1_000_000}m`;
  return sessions % 1_000 === 0 ? `${sessions / 1_000}k` : String(sessions);
}

function contender(adapter: Adapter, database: DatabaseKind, sessions: number, leeway: Leeway): Contender {
  return { kind: 'service', name: nameOf(adapter, database, sessions, leeway), adapter, database, sessions, leeway };
}
