import { at, claimsOf, session, watch } from './session.js';
import { watchSessions } from './sessions.js';
import { watchOwner } from './thief.js';
import { element, endOf, why } from './words.js';

let isSignedIn = false;

function tell(text) {
  element('sign-in-status').textContent = text;
}

async function signIn(event) {
  event.preventDefault();
  const subject = element('subject').value;
  try {
    const response = await fetch(at('sign-in'), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ subject }),
    });
    const answer = await response.json();
    if (!response.ok) return tell(`It did not work: ${answer.error_description ?? answer.error}`);
    await session.signIn(answer);
    tell(`Signed in as ${subject}.`);
  } catch (error) {
    tell(why(error));
  }
}

session.on('signedOut', ({ reason }) => tell(endOf(reason)));
element('sign-in').addEventListener('submit', signIn);

watch((record) => {
  if (record && !isSignedIn) tell(`Signed in as ${claimsOf(record.access_token).sub}.`);
  isSignedIn = Boolean(record);
  watchOwner(record);
  watchSessions(record);
});
