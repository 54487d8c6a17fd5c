import { at, claimsOf, session, stored, watch } from './session.js';
import { element, endOf, logIn, seconds, short, why } from './words.js';

const INTERVAL = 2_000;
const AT_ONCE = 20;

const log = logIn(element('log'));
/** The last two stored sessions, to tell whether the refresh token is a new one. */
let seen = [];
/** The access token that the log has told of, the one that it hasn't yet, and this tab's own from its last refresh. */
let told;
let untold;
let own;
let refreshes = 0;

session.on('refreshed', ({ expiresIn }) => void tellRefreshed(expiresIn));
session.on('signedOut', ({ reason }) => log('bad', endOf(reason)));
session.on('unavailable', ({ retryAfter, status }) => {
  const got = status === undefined ? 'There is no answer' : `The answer is ${status}`;
  log('warn', `${got}: the token is kept, and the next try is in ${Math.ceil(retryAfter)} s.`);
});

async function tellRefreshed(expiresIn) {
  refreshes += 1;
  const record = await stored();
  if (!record) return;
  see(record);
  own = record.access_token;
  const isRotated = record.refresh_token !== seen.at(-2)?.refresh_token;
  const successor = isRotated ? 'a new refresh token' : 'the same refresh token again: this is within the leeway';
  log('good', `Refreshed: an access token for ${expiresIn} s, and ${successor}.`);
}

function see(record) {
  if (record.access_token !== seen.at(-1)?.access_token) seen = [...seen.slice(-1), record];
}

/** Logs where an access token came from that this tab hasn't refreshed itself. */
function explain({ access_token: token }) {
  if (token === told?.token) return;
  const { sub, sid } = claimsOf(token);
  // The token may be this tab's own: wait once for the event that says so.
  if (token !== own && token !== untold) {
    untold = token;
    return;
  }
  if (told?.sid !== sid) log('note', `Signed in as ${sub}.`);
  else if (token !== own) log('note', 'Refreshed elsewhere: this tab has the new token without asking.');
  told = { token, sid };
}

function show(record) {
  if (record) {
    see(record);
    explain(record);
  }
  const who = record && claimsOf(record.access_token).sub;
  element('who').textContent = who ?? 'Nobody is signed in';
  element('avatar').textContent = who?.slice(0, 1).toUpperCase() ?? '–';
  document.body.classList.toggle('signed-in', record !== undefined);
  showLife(record);
  element('count').textContent = `${refreshes} ${refreshes === 1 ? 'refresh' : 'refreshes'} here`;
}

function showLife(record) {
  element('token').textContent = record ? short(record.access_token) : 'none';
  if (!record) {
    element('life').value = 0;
    element('left').textContent = 'Nothing to expire';
    return;
  }
  const life = record.expires_in * 1_000;
  const left = record.obtained_at + life - Date.now();
  const isDue = left < life / 4;
  element('life').value = Math.max(0, left / life);
  element('life').className = isDue ? 'due' : '';
  const expiry = left > 0 ? `Expires in ${seconds(left)}` : 'Expired';
  element('left').textContent = isDue ? `${expiry}: the next call refreshes it` : expiry;
}

/** Calls the API as an application does. */
async function call() {
  const response = await session.fetch(at('hello'));
  const { message, error } = await response.json();
  return response.ok ? `200 ${message}` : `${response.status} ${error}: nobody is signed in.`;
}

async function callOnce() {
  try {
    const answer = await call();
    log(answer.startsWith('200') ? 'plain' : 'warn', answer);
  } catch (error) {
    log('warn', why(error));
  }
}

async function callAtOnce() {
  const before = refreshes;
  const calls = await Promise.allSettled(Array.from({ length: AT_ONCE }, call));
  const good = calls.filter(({ value }) => value?.startsWith('200')).length;
  const asked = refreshes - before;
  const needed = asked === 0 ? 'no refresh by this tab' : `${asked} ${asked === 1 ? 'refresh' : 'refreshes'} for all`;
  log(good === AT_ONCE ? 'plain' : 'warn', `${AT_ONCE} calls at once, ${good} answered 200: ${needed}.`);
}

async function refreshNow() {
  const record = await stored();
  if (!record) return log('warn', 'Nobody is signed in.');
  try {
    // The client refreshes a living token only where the API has refused it.
    await session.getAccessToken({ refused: record.access_token });
  } catch (error) {
    log('warn', why(error));
  }
}

async function signOut() {
  if (!(await stored())) return log('warn', 'Nobody is signed in.');
  const isConfirmed = await session.signOut();
  if (!isConfirmed) log('warn', 'Signed out here; the server could not be told.');
}

let timer;

function toggleRepeat() {
  const isOn = timer === undefined;
  element('repeat').setAttribute('aria-pressed', String(isOn));
  clearInterval(timer);
  timer = isOn ? setInterval(callOnce, INTERVAL) : undefined;
  if (isOn) void callOnce();
}

element('call').addEventListener('click', callOnce);
element('repeat').addEventListener('click', toggleRepeat);
element('burst').addEventListener('click', callAtOnce);
element('refresh').addEventListener('click', refreshNow);
element('sign-out').addEventListener('click', signOut);
watch(show);
