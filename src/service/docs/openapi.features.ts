import type { ServiceConfig } from '../service.config.js';
import { variables } from '../config/variables.js';

/** What of a service is switched on, as far as its endpoints differ. */
export interface Features {
  readonly hasServiceKeys: boolean;
  /** Where browsers keep the refresh token; `undefined` where they may not. */
  readonly cookieName: string | undefined;
  readonly oauth: ServiceConfig['oauth'];
}

export function featuresOf({ auth, oauth }: Pick<ServiceConfig, 'auth' | 'oauth'>): Features {
  const { cookie, serviceKeys } = auth;
  return {
    hasServiceKeys: serviceKeys.length > 0,
    cookieName: cookie && (cookie.name ?? variables.cookieName.fallback),
    oauth,
  };
}
