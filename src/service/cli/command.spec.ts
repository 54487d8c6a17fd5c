import { describe, expect, it } from '@jest/globals';
import { shown, usageOf, type Command } from './command.js';

const run = () => '';

describe('usageOf', () => {
  const commands: [string, Command][] = [
    ['keys list', { about: '', run }],
    ['keys list <id>', { about: '', operands: ['id'], run }],
    ['keys list <id> <date> [--force]', { about: '', operands: ['id', 'date'], options: { force: 'flag' }, run }],
    ['keys list --ids <file> [--force]', { about: '', options: { ids: 'file', force: 'flag' }, run }],
  ];

  it.each(commands)('tells what the command takes: %s', (usage, command) => {
    expect(usageOf('keys list', command)).toBe(usage);
  });
});

describe('shown', () => {
  it('repeats a short text', () => {
    expect(shown('x'.repeat(20))).toBe(`"${'x'.repeat(20)}"`);
  });

  it('tells only the length of a longer text, which may be a token', () => {
    expect(shown('x'.repeat(21))).toBe('21 characters');
  });
});
