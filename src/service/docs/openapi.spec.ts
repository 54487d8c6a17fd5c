import { describe, expect, it } from '@jest/globals';
import type { AuthModuleOptions } from '../../auth/options/auth.options.js';
import { openApiDocument } from './openapi.js';
import { featuresOf } from './openapi.features.js';
import { responsesOf } from './openapi.responses.js';
import { schemasOf } from './openapi.schemas.js';

const OPTIONS: AuthModuleOptions = {
  refreshToken: { secrets: ['a-secret-of-32-characters-0123456789'] },
  accessToken: { issuer: 'https://auth.example.com', keys: [] },
};

/** A service with everything switched on. */
const FULL: Parameters<typeof openApiDocument>[0] = {
  auth: { ...OPTIONS, cookie: {}, serviceKeys: ['service-key-0123456789-0123'] },
  oauth: { path: 'oauth', metadataPath: '.well-known/oauth-authorization-server' },
};

describe('the document of a service with everything switched on', () => {
  const { components } = openApiDocument(FULL);

  it('has every body and every answer that is described: none is left from another time', () => {
    const features = featuresOf(FULL);
    expect(Object.keys(components?.schemas ?? {}).toSorted()).toEqual(Object.keys(schemasOf(features)).toSorted());
    expect(Object.keys(components?.responses ?? {}).toSorted()).toEqual(Object.keys(responsesOf(features)).toSorted());
  });

  it('lists every error code that an endpoint of the service answers with', () => {
    expect(components?.schemas?.['Error']).toMatchObject({
      properties: {
        error: {
          enum: [
            'missing_token',
            'invalid_refresh_token',
            'invalid_token',
            'invalid_service_key',
            'forbidden_origin',
            'not_found',
            'invalid_request',
            'temporarily_unavailable',
            'server_error',
          ],
        },
      },
    });
    expect(components?.schemas?.['OAuthError']).toMatchObject({
      properties: {
        error: {
          enum: [
            'invalid_request',
            'invalid_client',
            'invalid_grant',
            'invalid_scope',
            'unsupported_grant_type',
            'unsupported_token_type',
          ],
        },
      },
    });
  });

  it('has the name of the cookie that is set where none is given', () => {
    expect(components?.securitySchemes?.['refreshTokenCookie']).toMatchObject({ name: '__Host-refresh_token' });
  });
});
