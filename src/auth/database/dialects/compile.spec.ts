import { describe, expect, it } from '@jest/globals';
import { bind } from '../sql-statement.js';
import { mariadb } from './mariadb.js';
import { postgres } from './postgres.js';
import { sqlite } from './sqlite.js';

describe('a compiled statement', () => {
  it.each([
    ['sqlite', sqlite, 'a = ? AND b = ? AND c = ?', [1, 'x', 1]],
    ['mariadb', mariadb, 'a = ? AND b = ? AND c = ?', [1, 'x', 1]],
    ['postgres', postgres, 'a = $1::bigint AND b = $2::text AND c = $1::bigint', [1, 'x']],
  ] as const)('takes its parameters as %s does', (_, dialect, sql, values) => {
    const statement = dialect.compile('a = :n AND b = :t AND c = :n', { n: 'bigint', t: 'text' });
    expect(statement.sql).toBe(sql);
    expect(bind(statement, { t: 'x', n: 1 })).toEqual(values);
  });

  it.each([sqlite, postgres, mariadb])('is refused where a parameter has no type, for $name', (dialect) => {
    expect(() => dialect.compile('a = :n', {})).toThrow(':n');
  });
});
