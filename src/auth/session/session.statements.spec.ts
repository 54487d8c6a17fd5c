import { describe, expect, it } from '@jest/globals';
import { mariadb } from '../database/dialects/mariadb.js';
import { sessionStatements } from './session.statements.js';

describe('the statements for MariaDB', () => {
  const options = { lostResponse: 'forgive', recordDevice: true } as const;
  const { rotateBatch, ...alone } = sessionStatements(mariadb, '`s`', options);
  const statements = Object.entries({ ...alone, rotateBatch: rotateBatch?.statement }).flatMap(([name, statement]) =>
    statement ? [[name, statement] as const] : [],
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
