import { describe, expect, it } from '@jest/globals';
import { parseDatabaseUrl } from './database-url.js';

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
    'mysql://user:password@db.example.com/tokens',
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
