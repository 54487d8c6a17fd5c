import { describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { sessionStatements } from '../session/session.statements.js';
import { bind, compile, dialectOf } from './sql-statement.js';

const OPTIONS = { lostResponse: 'forgive', recordDevice: true } as const;

describe('the statements for CockroachDB, which no test here can run,', () => {
  it('are those for PostgreSQL, each for itself', () => {
    const { rotateTogether: _, ...postgres } = sessionStatements('postgres', '"s"', OPTIONS);
    const { rotateTogether, ...cockroach } = sessionStatements('cockroach', '"s"', OPTIONS);
    expect(cockroach).toEqual(postgres);
    expect(rotateTogether).toBeUndefined();
  });

  it('are what a DataSource of its type gets', () => {
    const dataSource = new DataSource({ type: 'cockroachdb', timeTravelQueries: false, url: 'postgres://db/app' });
    expect(dialectOf(dataSource)).toBe('cockroach');
  });
});

describe('the statements for MariaDB', () => {
  const { rotateTogether, ...alone } = sessionStatements('mariadb', '`s`', OPTIONS);
  const statements = Object.entries({ ...alone, rotateTogether: rotateTogether?.statement }).flatMap(
    ([name, statement]) => (statement ? [[name, statement] as const] : []),
  );

  it.each(statements)('%s has one value for each of its parameters, in their order', (_, { sql, order }) => {
    expect(sql.split('?')).toHaveLength(order.length + 1);
    expect(sql).not.toMatch(/\$\d|::|:[a-z]/);
  });

  it.each(statements.filter(([, { sql }]) => sql.includes('ON DUPLICATE KEY UPDATE')))(
    '%s changes only rows that it has locked',
    (_, { sql }) => {
      expect(sql).toMatch(/`s` [^]*WHERE [^]*\sFOR UPDATE( SKIP LOCKED)?\s*\) AS found\s+ON DUPLICATE KEY UPDATE/);
    },
  );
});

describe('compile', () => {
  it.each([
    ['sqlite', 'a = ? AND b = ? AND c = ?', [1, 'x', 1]],
    ['mariadb', 'a = ? AND b = ? AND c = ?', [1, 'x', 1]],
    ['postgres', 'a = $1::bigint AND b = $2::text AND c = $1::bigint', [1, 'x']],
    ['cockroach', 'a = $1::bigint AND b = $2::text AND c = $1::bigint', [1, 'x']],
  ] as const)('takes its parameters as %s does', (dialect, sql, values) => {
    const statement = compile(dialect, 'a = :n AND b = :t AND c = :n', { n: 'bigint', t: 'text' });
    expect(statement.sql).toBe(sql);
    expect(bind(statement, { t: 'x', n: 1 })).toEqual(values);
  });
});
