import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { InvalidRequestError } from '../auth.errors.js';
import { decodeCursor, encodeCursor } from './session.cursor.js';

const POSITION = { createdAt: 1_767_225_600_000, id: 'd6eab31b-9562-f2e2-1cb3-e3fd08358789' };
const REFUSED = new InvalidRequestError('cursor: got something else, takes the next_cursor of the page before.');

const asCursor = (text: string) => Buffer.from(text).toString('base64url');

describe('a cursor', () => {
  it('leads back to its position', () => {
    const positions = fc.record({ createdAt: fc.integer({ min: 0, max: 10 ** 15 - 1 }), id: fc.uuid() });

    fc.assert(
      fc.property(positions, (position) => {
        expect(decodeCursor(encodeCursor(position))).toEqual(position);
      }),
    );
  });

  it('is text that a URL carries as it stands', () => {
    expect(encodeCursor(POSITION)).toMatch(/^[\w-]{1,128}$/);
  });

  it.each<[string, string]>([
    ['nothing', ''],
    ['a word', 'next'],
    ['its own content', `${POSITION.createdAt}.${POSITION.id}`],
    ['half of it', encodeCursor(POSITION).slice(0, 40)],
    ['two of them', encodeCursor(POSITION).repeat(2)],
    ['more behind it', asCursor(`${POSITION.createdAt}.${POSITION.id} OR 1=1`)],
    ['a line break behind it', asCursor(`${POSITION.createdAt}.${POSITION.id}\n`)],
    ['no time', asCursor(`.${POSITION.id}`)],
    ['no id', asCursor(`${POSITION.createdAt}.`)],
    ['a time below zero', asCursor(`-1.${POSITION.id}`)],
    ['a time with a fraction', asCursor(`1.5.${POSITION.id}`)],
    ['a time past what a number counts exactly', asCursor(`9007199254740993.${POSITION.id}`)],
    ['another notation of a time', asCursor(`1e3.${POSITION.id}`)],
    ['an id that is no UUID', asCursor(`1.${POSITION.id.replaceAll('-', '')}`)],
    ['an id that is SQL', asCursor("1.' OR ''='")],
    ['a time with zeros before it', asCursor(`0${POSITION.createdAt}.${POSITION.id}`)],
    ['an id in capitals', asCursor(`${POSITION.createdAt}.${POSITION.id.toUpperCase()}`)],
    ['the other spelling of base64', Buffer.from(`${POSITION.createdAt}.${POSITION.id}`).toString('base64')],
    ['a space in it', encodeCursor(POSITION).replace(/^.{9}/, '$& ')],
    ['a line break behind its text', `${encodeCursor(POSITION)}\n`],
    ['JSON', asCursor(JSON.stringify(POSITION))],
    ['bytes that are no text', Buffer.alloc(50, 0xff).toString('base64url')],
    ['a text of any length', 'A'.repeat(1_000_000)],
  ])('is not %s', (_, cursor) => {
    expect(() => decodeCursor(cursor)).toThrow(REFUSED);
  });

  it.each([[undefined], [null], [5], [[encodeCursor(POSITION)]], [{}]])('is not %j', (value) => {
    expect(() => decodeCursor(value as string)).toThrow(REFUSED);
  });

  it('shows nothing of what came in its place', () => {
    expect(() => decodeCursor('rt_WgABAgMEBQYHCAkKCwwNDg8Bm3ba')).not.toThrow(/rt_/);
  });
});
