import { expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { describeOnEachDatabase } from '../support/databases/databases.js';
import { json, postSession, refresh, refreshed } from '../support/http/http.js';
import { serviceForTheSuite } from '../support/servers/running-service.js';
import { SERVICE_KEY } from '../support/servers/service.js';
import { deleteSessions, idsOf, sessionsOf, signInWith } from '../support/http/session-calls.js';

/** Each is another user, whatever a database's collation makes of it. */
const SUBJECTS = [
  'ann',
  'Ann',
  'ANN',
  'ánn',
  // Two characters that look like one.
  'a\u0301nn',
  'ann ',
  ' ann',
  'ann  ',
  'ann\t',
  'ann\n',
  'ann%',
  'ann_',
  "ann'",
  'ann\\',
  'ann"',
  'strasse',
  'straße',
  'ı',
  'i',
  'I',
  'İ',
  'ａｎｎ',
  'ann\u200b',
  'ann\u00ad',
  '👩',
  '👩🏽',
  '👨',
  '\u{1f469}\u200d\u{1f4bb}',
  '0',
  '00',
  '1e0',
  '1',
  '1.0',
  'a'.repeat(255),
  'a'.repeat(254),
  '👩'.repeat(255),
  '👩'.repeat(254),
];

describeOnEachDatabase('subjects are told apart byte for byte', (databaseName) => {
  const running = serviceForTheSuite(databaseName);

  it('in lists, in tokens, and when sessions end', async () => {
    const { url } = running.service;
    const sessions = await Promise.all(SUBJECTS.map((subject) => signInWith(url, { subject })));
    expect(new Set(sessions.map(({ session_id }) => session_id)).size).toBe(SUBJECTS.length);

    for (const [at, session] of sessions.entries()) {
      const subject = SUBJECTS[at] as string;
      expect(session.subject).toBe(subject);
      expect(await idsOf(url, subject)).toEqual([session.session_id]);
      expect(decodeJwt((await refreshed(url, session.refresh_token)).access_token).sub).toBe(subject);
    }
    const [, second, ...others] = sessions;
    for (const at of [0, 2, 5, 24]) {
      const subject = SUBJECTS[at] as string;
      const answer = await deleteSessions(url, SERVICE_KEY, `?subject=${encodeURIComponent(subject)}`);
      expect(json<{ ended: number }>(answer)).toEqual({ ended: 1 });
      expect(await idsOf(url, subject)).toEqual([]);
      expect((await refresh(url, String(sessions[at]?.refresh_token))).status).toBe(401);
    }
    expect(await idsOf(url, 'Ann')).toEqual([second?.session_id]);
    expect(await idsOf(url, 'ánn')).toEqual([others[1]?.session_id]);
    expect(await idsOf(url, '👩🏽')).toEqual([sessions[25]?.session_id]);
  });

  it('and what names a device is kept as it is', async () => {
    const { url } = running.service;
    const device = { label: 'Ännchens 📱 ', user_agent: 'Phone/1 (ü; 📱)', ip: '2001:db8::1' };
    await signInWith(url, { subject: 'labels', ...device, claims: { name: 'Zoë 👩🏽 ' } });
    expect(await sessionsOf(url, 'labels')).toEqual([expect.objectContaining(device)]);
  });

  it.each([
    ['a zero character', 'ann\u0000'],
    ['half a character', 'ann\ud83d'],
    ['one character too many', '👩'.repeat(256)],
    ['none', ''],
  ])('and %s is refused', async (_, subject) => {
    const { url } = running.service;
    expect((await postSession(url, { subject })).status).toBe(400);
  });
});
