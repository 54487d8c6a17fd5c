/** Injection token of the {@link ServiceConfig}. */
export const SERVICE_CONFIG = Symbol('nest-refresh-token:service-config');
