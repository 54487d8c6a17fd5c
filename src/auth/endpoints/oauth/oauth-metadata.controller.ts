import { Controller, Get, HttpStatus, Inject, Res, VERSION_NEUTRAL } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ConfigurationError } from '../../auth.errors.js';
import type { ResolvedOptions } from '../../options/resolved-options.js';
import { RESOLVED_OPTIONS } from '../../injection-tokens.js';
import { OwnCredentials } from '../../guards/own-credentials.decorator.js';
import { ServiceKeys } from '../../guards/service-keys.js';
import { isIssuerUrl, METADATA_PATH, urlBelow } from '../../formats/issuer-url.js';

/** How long a cache may keep the metadata, in seconds. */
const MAX_AGE = 300;

/**
 * `GET /.well-known/oauth-authorization-server`: tells where the endpoints of `OAuthController` are (RFC 8414). The path
 * of an issuer stands behind this path (RFC 8414 §3.1): there, extend the class with a `@Controller()` of your own.
 */
@OwnCredentials()
@Controller({ path: METADATA_PATH, version: VERSION_NEUTRAL })
export class OAuthMetadataController {
  private readonly metadata: Readonly<Record<string, string | readonly string[]>>;

  /** @throws ConfigurationError where the issuer is no URL: no client could check whose metadata these are */
  constructor(
    private readonly adapterHost: HttpAdapterHost,
    @Inject(RESOLVED_OPTIONS) options: ResolvedOptions,
    serviceKeys: ServiceKeys,
  ) {
    const { issuer, keys } = options.accessToken;
    const { url, jwksUrl } = options.oauth;
    if (!isIssuerUrl(issuer)) {
      const got = JSON.stringify(issuer);
      throw new ConfigurationError(`accessToken.issuer: got ${got}, takes a URL where OAuth metadata are served.`);
    }
    this.metadata = {
      issuer,
      token_endpoint: urlBelow(url, 'token'),
      token_endpoint_auth_methods_supported: ['none'],
      grant_types_supported: ['refresh_token'],
      // There is no authorization endpoint: the login is the host's own.
      response_types_supported: [],
      revocation_endpoint: urlBelow(url, 'revoke'),
      revocation_endpoint_auth_methods_supported: ['none'],
      ...(serviceKeys.areThere && {
        introspection_endpoint: urlBelow(url, 'introspect'),
        introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'Bearer'],
      }),
      ...(jwksUrl !== undefined && keys.some(({ publicJwk }) => publicJwk) && { jwks_uri: jwksUrl }),
    };
  }

  @Get()
  find(@Res() response: unknown): void {
    const { httpAdapter } = this.adapterHost;
    httpAdapter.setHeader(response, 'Cache-Control', `public, max-age=${MAX_AGE}`);
    httpAdapter.reply(response, this.metadata, HttpStatus.OK);
  }
}
