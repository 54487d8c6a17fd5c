import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { applyDecorators, Controller, Get, Post, UseGuards } from '@nestjs/common';
import { AccessTokenGuard, AccessTokenVerifier, ConfigurationError, RequireScope } from 'nest-refresh-token';
import { signIn } from 'nest-refresh-token/testing';
import { insufficientScope, startGuardedHost, type GuardedHost } from '../support/hosts/guarded-host.js';
import { call } from '../support/http/http.js';
import { INVALID_TOKEN, MISSING_TOKEN, wire } from '../support/http/wire.js';

@UseGuards(AccessTokenGuard)
@RequireScope('orders:read')
@Controller('orders')
class OrdersController {
  @Get()
  list(): object {
    return { listed: true };
  }

  @RequireScope('orders:write invoices:write')
  @Post()
  add(): object {
    return { added: true };
  }

  @RequireScope('orders:read')
  @Get('again')
  again(): object {
    return { listed: true };
  }
}

/** A host's shorthand, which a route may add to. */
const Admin = () => applyDecorators(RequireScope('admin'), UseGuards(AccessTokenGuard));

@Controller('reports')
class ReportsController {
  @Admin()
  @RequireScope('reports:read')
  @Get()
  list(): object {
    return { listed: true };
  }

  @RequireScope('reports:write')
  @Admin()
  @Post()
  add(): object {
    return { added: true };
  }

  @RequireScope('nobody:has')
  @Get('unguarded')
  unguarded(): object {
    return { open: true };
  }
}

class ArchivedOrdersController extends OrdersController {}
Controller('archived')(ArchivedOrdersController);

@RequireScope('archive:read')
@Controller('vault')
class VaultController extends OrdersController {
  @RequireScope('vault:open')
  @Get('open')
  open(): object {
    return { opened: true };
  }
}

/** It comes down from one that asks for two, and asks for none itself. */
@Controller('cellar')
class CellarController extends VaultController {}

const READ = 'orders:read';
const ALL = 'orders:read orders:write invoices:write';

describe('@RequireScope', () => {
  let host: GuardedHost;
  beforeAll(async () => {
    host = await startGuardedHost({
      controllers: [OrdersController, ReportsController, ArchivedOrdersController, VaultController, CellarController],
    });
  });
  afterAll(() => host?.close());

  async function answerTo(scope: string | undefined, method: string, path: string) {
    const { authorization } = await signIn(host.app, 'alice', { scope });
    return wire(await call(`${host.url}/${path}`, { method, headers: { authorization } }));
  }

  it.each<[string | undefined, string, string]>([
    [READ, 'GET', 'orders'],
    [ALL, 'GET', 'orders'],
    [`openid ${READ}`, 'GET', 'orders'],
    [`${READ} ${READ}`, 'GET', 'orders'],
    [ALL, 'POST', 'orders'],
    ['invoices:write orders:write orders:read', 'POST', 'orders'],
    [READ, 'GET', 'orders/again'],
    [READ, 'GET', 'archived'],
    ['admin reports:read', 'GET', 'reports'],
    ['admin reports:write', 'POST', 'reports'],
    [`${READ} archive:read`, 'GET', 'vault'],
    [`${ALL} archive:read`, 'POST', 'vault'],
    [`${READ} archive:read vault:open`, 'GET', 'vault/open'],
    [`${READ} archive:read`, 'GET', 'cellar'],
  ])('lets %j do %s /%s', async (scope, method, path) => {
    expect((await answerTo(scope, method, path)).status).toBeLessThan(300);
  });

  it.each<[string | undefined, string, string, string]>([
    [undefined, 'GET', 'orders', READ],
    ['orders:write', 'GET', 'orders', READ],
    ['ORDERS:READ', 'GET', 'orders', READ],
    ['orders:read:all', 'GET', 'orders', READ],
    ['orders', 'GET', 'orders', READ],
    ['orders:read,orders:write', 'GET', 'orders', READ],
    ['toString', 'GET', 'orders', READ],
    [READ, 'POST', 'orders', ALL],
    ['orders:write invoices:write', 'POST', 'orders', ALL],
    ['orders:read orders:write', 'POST', 'orders', ALL],
    [undefined, 'GET', 'orders/again', READ],
    [undefined, 'GET', 'archived', READ],
    ['orders:write', 'POST', 'archived', ALL],
    // What the base class asks for is not given up for what the subclass asks for.
    ['archive:read', 'GET', 'vault', `archive:read ${READ}`],
    [READ, 'GET', 'vault', `archive:read ${READ}`],
    [ALL, 'POST', 'vault', `archive:read ${ALL}`],
    ['archive:read vault:open', 'GET', 'vault/open', `archive:read ${READ} vault:open`],
    [`${READ} archive:read`, 'GET', 'vault/open', `archive:read ${READ} vault:open`],
    ['archive:read', 'GET', 'cellar', `archive:read ${READ}`],
    [READ, 'GET', 'cellar', `archive:read ${READ}`],
    // Nor does the base class ask for more than before.
    [undefined, 'GET', 'orders', READ],
  ])('does not let %j do %s /%s, and says what it takes', async (scope, method, path, takes) => {
    expect(await answerTo(scope, method, path)).toEqual(insufficientScope(takes));
  });

  it.each<[string, string, string]>([
    ['admin', 'GET', 'reports'],
    ['reports:read', 'GET', 'reports'],
    ['admin', 'POST', 'reports'],
    ['reports:write', 'POST', 'reports'],
  ])('counts each time it stands on one route: %j is not enough for %s /%s', async (scope, method, path) => {
    expect((await answerTo(scope, method, path)).status).toBe(403);
  });

  it('asks for a good token first', async () => {
    const url = `${host.url}/orders`;
    expect(wire(await call(url, { method: 'GET' }))).toEqual(MISSING_TOKEN);
    const headers = { authorization: 'Bearer a.b.c' };
    expect(wire(await call(url, { method: 'GET', headers }))).toEqual(INVALID_TOKEN);
  });

  it('asks for nothing without the guard', async () => {
    expect((await call(`${host.url}/reports/unguarded`, { method: 'GET' })).text).toBe('{"open":true}');
  });

  it('is not met by a scope that somebody has written into the claims', async () => {
    await expect(signIn(host.app, 'mallory', { claims: { scope: 'admin' } })).rejects.toThrow(/reserved name "scope"/);
    const { access_token } = await signIn(host.app, 'mallory', { claims: { scopes: 'admin', scp: 'admin' } });
    expect(await host.app.get(AccessTokenVerifier).verify(access_token)).not.toHaveProperty('scope');
  });

  it.each(['', ' ', 'a ', ' a', 'a  b', 'a\tb', 'a\nb', 'a"b', 'a\\b', 'ä', 'a\u0000', 'orders:read"', '\u{1f642}'])(
    'is refused where it is declared, as %j',
    (scope) => {
      expect(() => RequireScope(scope)).toThrow(ConfigurationError);
      expect(() => RequireScope(scope)).toThrow(/^@RequireScope: got ".*", takes space-separated words of printable/);
    },
  );
});
