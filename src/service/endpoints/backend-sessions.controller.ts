import { Controller, HttpStatus, Patch, Post, Req, Res, UseGuards } from '@nestjs/common';
import { InvalidRequestError } from '../../auth/auth.errors.js';
import { AuthReply } from '../../auth/http/auth.reply.js';
import type { AuthRequest } from '../../auth/http/auth.request.js';
import { RefreshTokenCookies } from '../../auth/http/refresh-token.cookies.js';
import { RefreshTokenService } from '../../auth/refresh-token/refresh-token.service.js';
import { withDeadline } from '../../auth/http/request-deadline.js';
import { bodyOf, queryOf } from '../../auth/http/request-parameters.js';
import type { IssueOptions } from '../../auth/session/issue-options.js';
import { SessionService, type UpdateSessionsOptions } from '../../auth/session/session.service.js';
import { ServiceKeyGuard } from './service-key.guard.js';

/** The fields of the body of `POST /sessions`, and the option that each one sets. */
const FIELDS = {
  subject: 'subject',
  claims: 'claims',
  scope: 'scope',
  client_id: 'clientId',
  label: 'label',
  user_agent: 'userAgent',
  ip: 'ip',
  revoke_others: 'revokeOthers',
} as const satisfies Record<string, keyof IssueOptions>;
const FIELD_NAMES = Object.keys(FIELDS) as (keyof typeof FIELDS)[];

/** The operations that take a service key only: start a session, and change claims and scope of a user's sessions. */
@Controller('sessions')
@UseGuards(ServiceKeyGuard)
export class BackendSessionsController {
  constructor(
    private readonly refreshTokens: RefreshTokenService,
    private readonly sessions: SessionService,
    private readonly cookies: RefreshTokenCookies,
    private readonly reply: AuthReply,
  ) {}

  /** `POST /sessions`: starts a session for a user whom the backend has signed in. */
  @Post()
  async create(@Req() request: AuthRequest, @Res() response: unknown): Promise<void> {
    const fields = Object.entries(bodyOf(request, FIELD_NAMES));
    const options = fields.map(([field, value]) => [FIELDS[field as keyof typeof FIELDS], value]);
    const session = await withDeadline(this.refreshTokens.issue(Object.fromEntries(options) as IssueOptions));
    // A browser keeps the cookie for the host that sets it. The backend is that host, and hands the header on.
    const setCookie = this.cookies.areOn ? { set_cookie: this.cookies.header(session) } : {};
    this.reply.send(response, HttpStatus.CREATED, { ...session, ...setCookie });
  }

  /** `PATCH /sessions?subject=`: changes claims and scope of the user's access tokens, from the next refresh on. */
  @Patch()
  async update(@Req() request: AuthRequest, @Res() response: unknown): Promise<void> {
    const { subject } = queryOf(request, ['subject']);
    const changes = bodyOf(request, ['claims', 'scope']) as UpdateSessionsOptions;
    if (!subject) throw new InvalidRequestError("subject: got nothing, takes the user's id.");
    const updated = await withDeadline(this.sessions.update(subject, changes));
    this.reply.send(response, HttpStatus.OK, { updated });
  }
}
