import { at, claimsOf, stored } from './session.js';
import { element, logIn, short, why } from './words.js';

const log = logIn(element('thief-log'));
/** After how many refreshes by the owner the thief is locked out. */
const REFRESHES = 2;

/** The refresh token in the thief's hands, and the session it was stolen from. */
let loot;
let robbed;
let uses = 0;
let isOver = false;
/** The owner's session when last seen, and how often it was refreshed since owner and thief held the same token. */
let owners;
let changes = 0;

/** Compares the owner's session with the last one seen. To be called several times a second. */
export function watchOwner(record) {
  if (record && robbed !== undefined && sessionOf(record) !== robbed) forget();
  if (isRefreshed(owners, record)) changes += 1;
  owners = record;
  // Owner and thief hold the same token: the server can't tell them apart, and the count starts again.
  if (record?.refresh_token === loot) changes = 0;
  showSteps();
}

/** Whether the owner has refreshed between two looks; a new sign-in or a sign-out is no refresh. */
function isRefreshed(before, after) {
  if (!before || !after || before.refresh_token === after.refresh_token) return false;
  return sessionOf(before) === sessionOf(after);
}

function sessionOf(record) {
  return claimsOf(record.access_token).sid;
}

/** Starts over for a session of a new sign-in. */
function forget() {
  loot = undefined;
  robbed = undefined;
  uses = 0;
  isOver = false;
  changes = 0;
}

async function steal() {
  const record = await stored();
  if (!record) return log('warn', 'There is nothing to steal: nobody is signed in.');
  loot = record.refresh_token;
  robbed = sessionOf(record);
  uses = 0;
  isOver = false;
  log('note', 'Copied from the browser’s storage, as malware or an injected script could.');
  watchOwner(record);
}

async function use() {
  if (loot === undefined) return log('warn', 'There is nothing to use: steal the token first.');
  try {
    const response = await fetch(at('refresh_token'), {
      method: 'POST',
      headers: { authorization: `Bearer ${loot}` },
      cache: 'no-store',
    });
    const answer = await response.json();
    if (response.ok) {
      loot = answer.refresh_token;
      uses += 1;
      log('bad', `200: the thief has an access token for ${answer.expires_in} s, and a new refresh token.`);
    } else {
      isOver = isOver || answer.error === 'invalid_refresh_token';
      log(
        'good',
        `${response.status} ${answer.error}: ${isOver ? 'the thief is out, and the session is over.' : 'not now.'}`,
      );
    }
  } catch (error) {
    log('warn', why(error));
  }
  watchOwner(await stored());
}

function showSteps() {
  const done = {
    steal: loot !== undefined,
    use: uses > 0,
    owner: loot !== undefined && changes >= REFRESHES,
    again: isOver,
  };
  const items = [...document.querySelectorAll('[data-step]')];
  const next = items.find(({ dataset }) => !done[dataset.step]);
  for (const item of items) {
    item.classList.toggle('done', done[item.dataset.step] || isOver);
    if (item === next && !isOver) item.setAttribute('aria-current', 'step');
    else item.removeAttribute('aria-current');
  }
  const count = Math.min(changes, REFRESHES);
  element('owner-count').textContent = loot === undefined || isOver ? '' : `${count} of ${REFRESHES} so far.`;
  element('loot').textContent = loot === undefined ? 'nothing' : short(loot);
}

element('steal').addEventListener('click', steal);
element('use').addEventListener('click', use);
