import { at, claimsOf, session, stored } from './session.js';
import { element, timeOfDay, why } from './words.js';

const BROWSERS = [
  ['Edge', /Edg\//],
  ['Opera', /OPR\//],
  ['Firefox', /Firefox\//],
  ['Chrome', /Chrome\/|Chromium\//],
  ['Safari', /Safari\//],
];
const SYSTEMS = [
  ['Android', /Android/],
  ['iOS', /iPhone|iPad/],
  ['Windows', /Windows/],
  ['macOS', /Macintosh/],
  ['Linux', /Linux|X11/],
];

let listed = [];
let listedFor;

/** Reloads the list whenever the access token is a new one: a new token is alive, so the request costs no refresh. */
export function watchSessions(record) {
  const token = record?.access_token;
  if (token === listedFor) return;
  listedFor = token;
  element('sessions-of').textContent = record ? claimsOf(token).sub : 'the user';
  if (!record) return render([]);
  if (Date.now() - record.obtained_at < (record.expires_in * 1_000) / 2) void list();
}

async function list() {
  try {
    const response = await session.fetch(at('sessions'));
    render(response.ok ? (await response.json()).sessions : []);
    if (!response.ok && (await stored())) tell(`The list can’t be had now: ${response.status}.`);
  } catch (error) {
    tell(why(error));
  }
}

function render(sessions) {
  listed = sessions;
  element('sessions-empty').hidden = listedFor !== undefined;
  element('sessions').replaceChildren(...sessions.map(item));
}

function item({ id, label, user_agent: userAgent, created_at: created, last_used_at: lastUsed, current }) {
  const name = label ?? deviceOf(userAgent ?? '');
  const title = document.createElement('b');
  title.textContent = name;
  const times = [`Signed in ${timeOf(created)}`, `Last used ${timeOf(lastUsed)}`].map((words) => {
    const line = document.createElement('span');
    line.textContent = words;
    return line;
  });
  const text = document.createElement('div');
  text.append(title, ...times);
  if (current) {
    const badge = document.createElement('em');
    badge.textContent = 'this one';
    title.after(' ', badge);
  }
  const button = document.createElement('button');
  button.textContent = 'End';
  button.setAttribute('aria-label', `End the session: ${name}, signed in ${timeOf(created)}`);
  button.addEventListener('click', () => void end(id, name, current));
  const li = document.createElement('li');
  li.append(text, button);
  return li;
}

/** The browser and the system that a User-Agent names. */
function deviceOf(userAgent) {
  const browser = BROWSERS.find(([, pattern]) => pattern.test(userAgent))?.[0] ?? 'A browser';
  const system = SYSTEMS.find(([, pattern]) => pattern.test(userAgent))?.[0];
  return system === undefined ? browser : `${browser} on ${system}`;
}

function timeOf(iso) {
  return timeOfDay(new Date(iso));
}

async function end(id, name, isCurrent) {
  await send(`sessions/${id}`, () =>
    isCurrent
      ? 'Ended: this one. The tabs are signed out at their next refresh.'
      : `Ended: ${name}. It is signed out at its next refresh.`,
  );
  // This session is over: reloading the list with its token would sign the tabs out at once.
  if (isCurrent) render(listed.filter((one) => one.id !== id));
  else await list();
}

async function endOthers() {
  await send(
    'sessions?except=current',
    ({ ended }) => `Ended: ${ended} other ${ended === 1 ? 'session' : 'sessions'}.`,
  );
  await list();
}

async function send(path, words) {
  try {
    const response = await session.fetch(at(path), { method: 'DELETE' });
    const answer = response.status === 200 ? await response.json() : {};
    tell(response.ok ? words(answer) : `It did not work: ${response.status}.`);
  } catch (error) {
    tell(why(error));
  }
}

/** Signs in as another device would. Its tokens are dropped, since there is no other device. */
async function signInElsewhere() {
  const record = await stored();
  if (!record) return tell('Sign in here first.');
  const body = JSON.stringify({ subject: claimsOf(record.access_token).sub, label: 'Another device' });
  try {
    const response = await fetch(at('sign-in'), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    tell(response.ok ? 'Signed in on another device.' : `It did not work: ${response.status}.`);
  } catch (error) {
    tell(why(error));
  }
  await list();
}

function tell(text) {
  element('sessions-status').textContent = text;
}

element('reload').addEventListener('click', list);
element('end-others').addEventListener('click', endOthers);
element('other-device').addEventListener('click', signInElsewhere);
