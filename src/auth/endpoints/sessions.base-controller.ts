import { Delete, Get, HttpStatus, Injectable, Param, Patch, Req, Res } from '@nestjs/common';
import { InvalidRequestError, NotFoundError } from '../auth.errors.js';
import { AuthReply } from '../http/auth.reply.js';
import type { AuthRequest } from '../http/auth.request.js';
import { withDeadline } from '../http/request-deadline.js';
import { bodyOf, queryOf } from '../http/request-parameters.js';
import { sessionListResponse } from './session.response.js';
import { SessionService } from '../session/session.service.js';

/** The caller of a route for sessions. */
export interface SessionCaller {
  readonly by: 'user' | 'service';
  /** The subject whose sessions the caller may see and end; `undefined` for everybody's. */
  readonly subject: string | undefined;
  /** The caller's own session, where the caller has one. */
  readonly sessionId: string | undefined;
}

/**
 * The routes of a list of sessions. A subclass says who may call them, and whose sessions the caller may see. The
 * handlers write their responses, so that a host's interceptor that wraps answers leaves these as they are.
 */
@Injectable()
export abstract class SessionsBaseController<TRequest extends AuthRequest> {
  constructor(
    protected readonly sessions: SessionService,
    protected readonly reply: AuthReply,
  ) {}

  /** `GET /sessions`: the live sessions, newest first. */
  @Get()
  async list(@Req() request: TRequest, @Res() response: unknown): Promise<void> {
    const { subject, limit, cursor } = queryOf(request, ['subject', 'limit', 'cursor']);
    const caller = this.callerOf(request);
    const page = await withDeadline(
      this.sessions.list(this.subjectFor(caller, subject), {
        limit: limit === undefined ? undefined : numberOf(limit),
        cursor,
      }),
    );
    this.reply.send(response, HttpStatus.OK, sessionListResponse(page, caller.sessionId));
  }

  /** `DELETE /sessions/:id`: ends one session; 204 again where that session has ended already. */
  @Delete(':id')
  async end(@Req() request: TRequest, @Param('id') id: string, @Res() response: unknown): Promise<void> {
    queryOf(request, []);
    const { by, subject } = this.callerOf(request);
    await withDeadline(this.endOne(id, subject, by));
    this.reply.send(response, HttpStatus.NO_CONTENT);
  }

  /** `DELETE /sessions`: ends all sessions of a subject, or all but the current one with `?except=current`. */
  @Delete()
  async endAll(@Req() request: TRequest, @Res() response: unknown): Promise<void> {
    // `/sessions/` may be `/sessions/:id` with an empty id, which must not mean "all".
    if (/^[^?]*[^/?]\/(?:\?|$)/.test(request.url ?? '')) throw new NotFoundError();
    const { subject, except } = queryOf(request, ['subject', 'except']);
    const caller = this.callerOf(request);
    if (except !== undefined && (except !== 'current' || caller.sessionId === undefined)) {
      throw new InvalidRequestError('except: got something else, takes current, with an access token.');
    }
    const ended = await withDeadline(
      this.sessions.endAll(this.subjectFor(caller, subject), {
        by: caller.by,
        exceptSessionId: except === undefined ? undefined : caller.sessionId,
      }),
    );
    this.reply.send(response, HttpStatus.OK, { ended });
  }

  /** `PATCH /sessions/:id`: names one session. */
  @Patch(':id')
  async rename(@Req() request: TRequest, @Param('id') id: string, @Res() response: unknown): Promise<void> {
    queryOf(request, []);
    const { label } = bodyOf(request, ['label']);
    if (label === undefined) throw new InvalidRequestError('label: got nothing, takes a string or null.');
    const { subject } = this.callerOf(request);
    const isRenamed = await withDeadline(this.sessions.rename(id, label as string | null, ownedBy(subject)));
    if (!isRenamed) throw new NotFoundError();
    this.reply.send(response, HttpStatus.NO_CONTENT);
  }

  /** The caller, as the subclass's guard has let it through. */
  protected abstract callerOf(request: TRequest): SessionCaller;

  /** The subject that is meant: a caller that may see everybody's sessions has to name one. */
  private subjectFor(caller: SessionCaller, named: string | undefined): string {
    if (caller.subject === undefined) {
      if (!named) throw new InvalidRequestError("subject: got nothing, takes the user's id.");
      return named;
    }
    if (named !== undefined) {
      throw new InvalidRequestError('subject: got one with an access token, which takes its own.');
    }
    return caller.subject;
  }

  private async endOne(id: string, subject: string | undefined, by: SessionCaller['by']): Promise<void> {
    if (await this.sessions.end(id, { ...ownedBy(subject), by })) return;
    // Another subject's session reads like none: the caller must not learn that it is there.
    if (!(await this.sessions.exists(id, ownedBy(subject)))) throw new NotFoundError();
  }
}

/** The option that names the owner; left out where the session may be anybody's. */
function ownedBy(subject: string | undefined): { subject?: string } {
  return subject === undefined ? {} : { subject };
}

function numberOf(text: string): number {
  return /^\d{1,3}$/.test(text) ? Number(text) : NaN;
}
