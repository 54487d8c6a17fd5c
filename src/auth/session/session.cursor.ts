import { InvalidRequestError } from '../auth.errors.js';
import type { SessionPosition } from './session.store.js';

const CURSOR = /^(\d{1,15})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
const MAX_CURSOR = 128;

/** Writes a position in a list as opaque text. */
export function encodeCursor({ createdAt, id }: SessionPosition): string {
  return Buffer.from(`${createdAt}.${id}`).toString('base64url');
}

/** Reads a cursor. @throws InvalidRequestError where the text is not a cursor that `encodeCursor` wrote */
export function decodeCursor(cursor: string): SessionPosition {
  const text = typeof cursor === 'string' && cursor.length <= MAX_CURSOR ? cursor : '';
  const match = CURSOR.exec(Buffer.from(text, 'base64url').toString());
  const position = match && { createdAt: Number(match[1]), id: match[2] as string };
  // A cursor has one spelling, but Node's base64url reader takes others.
  if (!position || encodeCursor(position) !== text) {
    throw new InvalidRequestError('cursor: got something else, takes the next_cursor of the page before.');
  }
  return position;
}
