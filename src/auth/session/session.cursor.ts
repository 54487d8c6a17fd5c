import { InvalidRequestError } from '../auth.errors.js';
import type { SessionPosition } from './session.store.js';

const CURSOR = /^(\d{1,15})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
const MAX_CURSOR = 128;

/** A position in a list as opaque text. */
export function encodeCursor({ createdAt, id }: SessionPosition): string {
  return Buffer.from(`${createdAt}.${id}`).toString('base64url');
}

/** @throws InvalidRequestError where it isn't a cursor of ours */
export function decodeCursor(cursor: string): SessionPosition {
  const text = typeof cursor === 'string' && cursor.length <= MAX_CURSOR ? cursor : '';
  const match = CURSOR.exec(Buffer.from(text, 'base64url').toString());
  const position = match && { createdAt: Number(match[1]), id: match[2] as string };
  // A cursor has one spelling; Node reads others too.
  if (!position || encodeCursor(position) !== text) {
    throw new InvalidRequestError('cursor: got something else, takes the next_cursor of the page before.');
  }
  return position;
}
