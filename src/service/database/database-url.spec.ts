import { describe, expect, it } from '@jest/globals';
import { nameOf, parseDatabaseUrl, type DatabaseLocation } from './database-url.js';

describe('parseDatabaseUrl', () => {
  it.each([
    ['sqlite:tokens.sqlite', 'tokens.sqlite'],
    ['sqlite:./data/tokens.sqlite', './data/tokens.sqlite'],
    ['sqlite:../tokens.sqlite', '../tokens.sqlite'],
    ['sqlite:/var/lib/tokens.sqlite', '/var/lib/tokens.sqlite'],
    ['sqlite:///var/lib/tokens.sqlite', '/var/lib/tokens.sqlite'],
    ['sqlite:/var/a folder/tokens.sqlite', '/var/a folder/tokens.sqlite'],
    ['sqlite:a%20b?c#d', 'a%20b?c#d'],
  ])('reads %s as the file %s', (text, path) => {
    expect(parseDatabaseUrl(text)).toEqual({ type: 'sqlite', path });
  });

  it.each([
    'postgres://user:password@db.example.com:5432/tokens',
    'postgresql://user:password@db.example.com/tokens?sslmode=require',
    'postgres://localhost/tokens',
    'postgres://user:p%40ss@[::1]:5432/tokens',
    'postgres:///tokens?host=/run/postgresql',
  ])('reads %s as it stands', (url) => {
    expect(parseDatabaseUrl(url)).toEqual({ type: 'postgres', url });
  });

  it.each([
    'mysql://user:password@db.example.com:3306/tokens',
    'mariadb://user:p%40ss@[::1]/tokens?ssl=true',
    'mariadb:///tokens?socket=/run/mysqld/mysqld.sock',
  ])('reads %s as MariaDB', (url) => {
    expect(parseDatabaseUrl(url)).toEqual({ type: 'mariadb', url });
  });

  it.each([
    '',
    'sqlite',
    'sqlite:',
    'sqlite://',
    'sqlite:///',
    'sqlite:data/',
    'sqlite://var/lib/tokens.sqlite',
    'sqlite3:tokens.sqlite',
    'tokens.sqlite',
    '/var/lib/tokens.sqlite',
    ':memory:',
    'file:tokens.sqlite',
    'mssql://user:password@db.example.com/tokens',
    'mysql:tokens',
    'mysql://',
    'mysql:///tokens',
    'mysql://db.example.com',
    'mariadb://db.example.com/',
    'mariadb:///?socket=/run/mysqld/mysqld.sock',
    'mariadb://db.example.com:port/tokens',
    'cockroachdb://db.example.com:26257/tokens',
    'postgres:tokens',
    'postgres:/tokens',
    'postgres://',
    'postgres:///tokens',
    'postgres://db.example.com:port/tokens',
    'https://db.example.com',
  ])('does not read %j', (text) => {
    expect(parseDatabaseUrl(text)).toBeUndefined();
  });
});

describe('nameOf', () => {
  it.each([
    ['sqlite:data/tokens.sqlite', 'the SQLite database data/tokens.sqlite'],
    ['postgres://user:hunter2@db:5432/tokens', 'the PostgreSQL database db:5432/tokens'],
    ['mysql://user:hunter2@db/tokens', 'the MariaDB database db/tokens'],
  ])('of %s has no password', (url, name) => {
    expect(nameOf(parseDatabaseUrl(url) as DatabaseLocation)).toBe(name);
  });
});
