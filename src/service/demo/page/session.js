import { browserStorage, createSession } from './client/index.js';

/** The URL of a path below `/demo`, also where a proxy puts a prefix before it. */
export function at(path) {
  return new URL(path, import.meta.url).href;
}

const storage = browserStorage('nest-refresh-token-demo');

/** The session that all tabs share. An application needs only this line. */
export const session = createSession({ refreshUrl: at('refresh_token'), storage });

/**
 * The stored session, for this page to show; an application has no need to read it. `undefined` where nobody is signed
 * in.
 */
export async function stored() {
  const text = await storage.get();
  try {
    const record = JSON.parse(text);
    return record?.refresh_token && record.access_token ? record : undefined;
  } catch {
    // Somebody has edited the entry by hand.
    return undefined;
  }
}

/** The claims of an access token, not verified: only to be shown. */
export function claimsOf(token) {
  const base64 = token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
  const bytes = Uint8Array.from(atob(base64), (character) => character.codePointAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Calls `show` with the stored session, now and then five times a second, for the countdown. */
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
