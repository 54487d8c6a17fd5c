import { browserStorage, createSession } from './client/index.js';

/** The address of something of the demo's, wherever it is mounted. */
export function at(path) {
  return new URL(path, import.meta.url).href;
}

const storage = browserStorage('nest-refresh-token-demo');

/** The session that all tabs share: an application needs no more than this. */
export const session = createSession({ refreshUrl: at('refresh_token'), storage });

/**
 * What is kept of the session, for this page to show; an application has no need to look. `undefined` where nobody is
 * signed in.
 */
export async function stored() {
  const text = await storage.get();
  try {
    const record = JSON.parse(text);
    return record?.refresh_token && record.access_token ? record : undefined;
  } catch {
    // Somebody has been at it.
    return undefined;
  }
}

/** The claims of an access token, unverified: for show. */
export function claimsOf(token) {
  const base64 = token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
  const bytes = Uint8Array.from(atob(base64), (character) => character.codePointAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Calls `show` with what is stored, at once and then often enough for a countdown. */
export function watch(show) {
  const look = async () => {
    try {
      show(await stored());
    } finally {
      setTimeout(look, 200);
    }
  };
  void look();
}
