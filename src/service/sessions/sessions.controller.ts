import { Controller, HttpStatus, Post, Req, Res, UseGuards } from '@nestjs/common';
import { InvalidRequestError } from '../../auth/auth.errors.js';
import { AuthReply } from '../../auth/auth.reply.js';
import type { AuthRequest } from '../../auth/auth.request.js';
import { RefreshTokenService } from '../../auth/refresh-token/refresh-token.service.js';
import { withDeadline } from '../../auth/request-deadline.js';
import type { IssueOptions } from '../../auth/session/issue-options.js';
import { ServiceKeyGuard } from './service-key.guard.js';

/** The fields of the body, and the option each stands for. */
const FIELDS: Record<string, keyof IssueOptions> = {
  subject: 'subject',
  claims: 'claims',
  scope: 'scope',
  client_id: 'clientId',
};

/** `POST /sessions`: a login backend starts a session for a user it has signed in. */
@Controller('sessions')
@UseGuards(ServiceKeyGuard)
export class SessionsController {
  constructor(
    private readonly refreshTokens: RefreshTokenService,
    private readonly reply: AuthReply,
  ) {}

  @Post()
  async create(@Req() request: AuthRequest, @Res() response: unknown): Promise<void> {
    const session = await withDeadline(this.refreshTokens.issue(issueOptions(request)));
    this.reply.send(response, HttpStatus.CREATED, session);
  }
}

function issueOptions(request: AuthRequest): IssueOptions {
  const { body } = request;
  if (!isJson(request) || typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new InvalidRequestError('body: got something else, takes a JSON object with Content-Type: application/json.');
  }
  const unknown = Object.keys(body).find((field) => !Object.hasOwn(FIELDS, field));
  if (unknown !== undefined) {
    const shown = JSON.stringify(unknown.slice(0, 64));
    throw new InvalidRequestError(`body: got the unknown field ${shown}, takes ${Object.keys(FIELDS).join(', ')}.`);
  }
  const options = Object.entries(body).map(([field, value]) => [FIELDS[field], value as unknown]);
  return Object.fromEntries(options) as IssueOptions;
}

function isJson(request: AuthRequest): boolean {
  return /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(request.headers['content-type'] ?? '');
}
