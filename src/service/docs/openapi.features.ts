import type { ServiceConfig } from '../service.config.js';
import { variables } from '../config/variables.js';

/** Which features of the service are switched on; its endpoints and answers depend on them. */
export interface Features {
  readonly hasServiceKeys: boolean;
  /** The cookie in which browsers keep the refresh token; `undefined` where cookies are off. */
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
