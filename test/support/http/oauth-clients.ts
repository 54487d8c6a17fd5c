import * as oauth4webapi from 'oauth4webapi';
import * as openidClient from 'openid-client';

/** Tokens, as both libraries hand them over. */
export interface ClientTokens {
  readonly access_token: string;
  readonly refresh_token?: string;
  readonly token_type: string;
  readonly expires_in?: number;
  readonly scope?: string;
}

/** What an app or an API does with a standard OAuth client library, after it has discovered the service. */
export interface StandardClient {
  readonly metadata: Readonly<Record<string, unknown>>;
  refresh(refreshToken: string, scope?: string): Promise<ClientTokens>;
  revoke(token: string, hint?: string): Promise<void>;
  /** As a backend, with a service key as its secret. */
  introspect(token: string, serviceKey: string): Promise<Readonly<Record<string, unknown>>>;
}

/** Discovers the service of this issuer, for a client with this id. */
export type Discover = (issuer: string, clientId: string) => Promise<StandardClient>;

/** `openid-client` 6, as its documentation has it. */
async function withOpenidClient(issuer: string, clientId: string): Promise<StandardClient> {
  const discovered = (authentication: openidClient.ClientAuth) =>
    openidClient.discovery(new URL(issuer), clientId, undefined, authentication, {
      algorithm: 'oauth2',
      // The tests' service speaks plain HTTP.
      execute: [openidClient.allowInsecureRequests],
    });
  const config = await discovered(openidClient.None());
  return {
    metadata: { ...config.serverMetadata() },
    refresh: (token, scope) => openidClient.refreshTokenGrant(config, token, scope === undefined ? {} : { scope }),
    revoke: (token, hint) =>
      openidClient.tokenRevocation(config, token, hint === undefined ? {} : { token_type_hint: hint }),
    introspect: async (token, serviceKey) =>
      openidClient.tokenIntrospection(await discovered(openidClient.ClientSecretBasic(serviceKey)), token),
  };
}

/** `oauth4webapi` 3, as its documentation has it. */
async function withOauth4webapi(issuer: string, clientId: string): Promise<StandardClient> {
  const url = new URL(issuer);
  const insecure = { [oauth4webapi.allowInsecureRequests]: true };
  const server = await oauth4webapi.processDiscoveryResponse(
    url,
    await oauth4webapi.discoveryRequest(url, { algorithm: 'oauth2', ...insecure }),
  );
  const client = { client_id: clientId };
  const none = oauth4webapi.None();
  return {
    metadata: { ...server },
    refresh: async (token, scope) => {
      const options = { ...insecure, additionalParameters: scope === undefined ? {} : { scope } };
      const response = await oauth4webapi.refreshTokenGrantRequest(server, client, none, token, options);
      return oauth4webapi.processRefreshTokenResponse(server, client, response);
    },
    revoke: async (token, hint) => {
      const options = { ...insecure, additionalParameters: hint === undefined ? {} : { token_type_hint: hint } };
      return oauth4webapi.processRevocationResponse(
        await oauth4webapi.revocationRequest(server, client, none, token, options),
      );
    },
    introspect: async (token, serviceKey) => {
      const basic = oauth4webapi.ClientSecretBasic(serviceKey);
      const response = await oauth4webapi.introspectionRequest(server, client, basic, token, insecure);
      return oauth4webapi.processIntrospectionResponse(server, client, response);
    },
  };
}

/** The libraries, each unchanged. */
export const STANDARD_CLIENTS: readonly (readonly [name: string, discover: Discover])[] = [
  ['openid-client', withOpenidClient],
  ['oauth4webapi', withOauth4webapi],
];
