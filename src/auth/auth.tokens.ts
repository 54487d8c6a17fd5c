/** Injection token of the DataSource the module works on. */
export const AUTH_DATA_SOURCE = Symbol('nest-refresh-token:data-source');

/** Injection token of the resolved, validated options, `AuthSettings`. */
export const AUTH_SETTINGS = Symbol('nest-refresh-token:settings');

/** The name under which Passport knows the refresh-token strategy. Namespaced, since Passport's registry is global. */
export const REFRESH_TOKEN_STRATEGY = 'nest-refresh-token';
