import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { SessionStore } from '../../src/auth/session/session.store.js';
import { refreshed, signIn } from '../support/http/http.js';
import { RawConnection } from '../support/http/raw-http.js';
import { serviceForTheSuite } from '../support/servers/running-service.js';
import { REFUSED, wire } from '../support/http/wire.js';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** So many characters are tried at each place, others at the next; the codec's spec tries all of them at each. */
const TRIES = 8;

describe('whatever is made from a real token without the secret', () => {
  const running = serviceForTheSuite('SQLite');
  let connection: RawConnection;
  let token: string;

  beforeAll(async () => {
    const { url, app } = running.service;
    token = (await signIn(url)).refresh_token;
    connection = await RawConnection.open(url);
    jest.spyOn(app.get(SessionStore), 'rotate');
    jest.spyOn(app.get(SessionStore), 'find');
  });

  afterAll(() => connection.close());

  async function expectRefused(forged: string): Promise<void> {
    const answer = await connection.post('/refresh_token', [`Authorization: Bearer ${forged}`]);
    expect({ forged, ...wire(answer) }).toEqual({ forged, ...REFUSED });
  }

  it('by changing any one character, to eight others each, is refused', async () => {
    for (let at = 0; at < token.length; at++) {
      for (const character of [...ALPHABET].filter((_, position) => (position - at) % TRIES === 0)) {
        if (token[at] !== character) await expectRefused(token.slice(0, at) + character + token.slice(at + 1));
      }
    }
  });

  it('by a character that is not of the alphabet is refused', async () => {
    for (const character of '=+/.~%"\\,;:@\u00E9') {
      for (const at of [0, 2, 3, 30, 62]) await expectRefused(token.slice(0, at) + character + token.slice(at + 1));
      await expectRefused(token + character);
    }
  });

  it('by spelling it in the other alphabet of base64, or in another case, is refused', async () => {
    let text = '';
    while (!/[-_]/.test(text)) text = (await signIn(running.service.url)).refresh_token.slice(3);
    await expectRefused(`rt_${text.replaceAll('-', '+').replaceAll('_', '/')}`);
    await expectRefused(`rt_${text.toLowerCase()}`);
    await expectRefused(`RT_${text}`);
    await expectRefused(text);
  });

  it('by cutting or lengthening it to any length is refused', async () => {
    const long = token + token + token + token;
    for (let length = 1; length <= 200; length++) {
      if (length === token.length) continue;
      await expectRefused(long.slice(0, length));
      await expectRefused(`rt_${'A'.repeat(length)}`);
    }
  });

  it('by cutting a piece out, putting one in, or swapping two is refused', async () => {
    for (let at = 0; at < token.length; at++) {
      await expectRefused(token.slice(0, at) + token.slice(at + 1));
      await expectRefused(`${token.slice(0, at)}A${token.slice(at)}`);
      const [one, other] = [token[at], token[at + 1]];
      if (other !== undefined && one !== other)
        await expectRefused(`${token.slice(0, at)}${other}${one}${token.slice(at + 2)}`);
    }
  });

  it('by mixing it with another real one is refused', async () => {
    const other = (await signIn(running.service.url)).refresh_token;
    for (let at = 4; at < token.length; at++) {
      const mixed = token.slice(0, at) + other.slice(at);
      if (mixed !== token && mixed !== other) await expectRefused(mixed);
    }
  });

  it('is refused before the database is asked, and the token itself goes on working', async () => {
    const store = running.service.app.get(SessionStore);
    expect(store.rotate).not.toHaveBeenCalled();
    expect(store.find).not.toHaveBeenCalled();
    expect(await refreshed(running.service.url, token)).toMatchObject({ token_type: 'Bearer' });
    expect(store.rotate).toHaveBeenCalledTimes(1);
  });
});
