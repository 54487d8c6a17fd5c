import { Catch, Injectable } from '@nestjs/common';
import {
  InvalidRefreshTokenError,
  InvalidRequestError,
  InvalidServiceKeyError,
  MissingTokenError,
  OAuthError,
  RequestTooLargeError,
} from '../../auth.errors.js';
import { AuthErrorFilter } from '../../http/auth.exception-filter.js';

/** Answers errors with the codes of RFC 6749 §5.2. An error that is the server's own (5xx) keeps its code. */
@Injectable()
@Catch()
export class OAuthExceptionFilter extends AuthErrorFilter {
  protected override translate(error: unknown): unknown {
    if (error instanceof InvalidRefreshTokenError) return new OAuthError('invalid_grant', 'The token is not good.');
    if (error instanceof InvalidServiceKeyError || error instanceof MissingTokenError) {
      return new OAuthError('invalid_client', 'The service key is missing or wrong.');
    }
    if (error instanceof InvalidRequestError && !(error instanceof RequestTooLargeError)) {
      return new OAuthError('invalid_request', error.message);
    }
    return error;
  }
}
