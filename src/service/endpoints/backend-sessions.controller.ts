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

/** The fields of the body, and the option each stands for. */
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

/** What only a login backend may do, with its service key: start sessions, and change what they say. */
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
    // The browser's cookie belongs to the host that sets it: the backend hands the header on.
    const setCookie = this.cookies.areOn ? { set_cookie: this.cookies.header(session) } : {};
    this.reply.send(response, HttpStatus.CREATED, { ...session, ...setCookie });
  }

  /** `PATCH /sessions?subject=`: changes what a user's access tokens say from the next one on. */
  @Patch()
  async update(@Req() request: AuthRequest, @Res() response: unknown): Promise<void> {
    const { subject } = queryOf(request, ['subject']);
    const changes = bodyOf(request, ['claims', 'scope']) as UpdateSessionsOptions;
    if (!subject) throw new InvalidRequestError("subject: got nothing, takes the user's id.");
    const updated = await withDeadline(this.sessions.update(subject, changes));
    this.reply.send(response, HttpStatus.OK, { updated });
  }
}
