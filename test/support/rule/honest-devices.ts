import { createSession, SessionUnavailableError, type Session } from 'nest-refresh-token/client';
import { Activity } from './quiet.js';
import { pick, type RotationWorld } from './rotation-world.js';
import type { SessionModel } from './session-model.js';
import { SharedStorage, type StorageKind } from './shared-storage.js';
import { FOREIGN_ANSWERS, SimulatedNetwork, type NetworkLimits } from './simulated-network.js';
import { DAY, MINUTE, SECOND } from '../test-clock.js';

/** A page with the client library. */
interface Tab {
  readonly library: Session;
  /** The access token that it was given last. */
  accessToken: string | undefined;
  /** How many of its calls wait. */
  calls: number;
  /** For how long the last call that failed asked for, in seconds. */
  retryAfter: number;
  /** The sessions of which it was told that they are over. */
  readonly signedOutOf: Set<SessionModel>;
  /** It was closed, or loaded anew. */
  isGone: boolean;
  /** It shows the login. */
  needsSignIn: boolean;
}

interface Device {
  readonly storage: SharedStorage;
  readonly tabs: [Tab, Tab];
  session: SessionModel;
  /** All that the user has had here. */
  readonly sessions: SessionModel[];
  /** The user has signed out of the last one. */
  hasSignedOut: boolean;
  /** How far its clock is off, in milliseconds. */
  clockError: number;
}

/** What a tab says about the access token that it uses. */
const REFUSALS = ['the stored one', 'its own', 'none'] as const;

/** How often a tab of a calm network tries, at most: it waits as long as it is told in between. */
const TRIES = 6;

/** Where a device's clock can be turned. */
const CLOCK_ERRORS = [0, SECOND, -SECOND, MINUTE, -MINUTE, 3_650 * DAY, -3_650 * DAY];

/** Honest devices of two tabs each, which run the client library, and the network between them and the service. */
export class HonestDevices {
  private readonly devices: Device[] = [];
  private readonly activity = new Activity();
  private readonly network: SimulatedNetwork;
  private readonly broken: string[] = [];

  private constructor(
    private readonly world: RotationWorld,
    limits: NetworkLimits,
  ) {
    this.network = new SimulatedNetwork(world, limits);
  }

  /** One device for each storage, with a user who is signed in. */
  static async signIn(
    world: RotationWorld,
    storages: readonly StorageKind[],
    limits: NetworkLimits,
  ): Promise<HonestDevices> {
    const all = new HonestDevices(world, limits);
    for (const kind of storages) {
      const device = {
        storage: new SharedStorage(kind, all.activity),
        sessions: [],
        clockError: 0,
      } as object as Device;
      Object.assign(device, { tabs: [all.open(device), all.open(device)] });
      await all.beginSession(device, device.tabs[0]);
      all.devices.push(device);
    }
    return all;
  }

  /** The user signs in again. */
  async signInAgain(deviceNumber: number, tabNumber: number): Promise<void> {
    const device = pick(this.devices, deviceNumber);
    await this.beginSession(device, pick(device.tabs, tabNumber));
  }

  /** The user signs out in a tab, which tells the service when the network lets it. */
  async signOut(deviceNumber: number, tabNumber: number): Promise<void> {
    const device = pick(this.devices, deviceNumber);
    device.hasSignedOut = true;
    void pick(device.tabs, tabNumber).library.signOut();
    await this.activity.end();
    this.checkStored(device);
    await this.settled();
  }

  /** Somebody ends the session from elsewhere, with any token that it ever had, and the user signs in again. */
  async logOut(deviceNumber: number, tokenNumber: number): Promise<void> {
    const device = pick(this.devices, deviceNumber);
    const { session } = device;
    await this.world.logOut(session, pick(session.allTokens, tokenNumber));
    if (session.isEnded) await this.beginSession(device, device.tabs[0]);
  }

  /** A thief presents any token that the session ever had. */
  async stealFrom(deviceNumber: number, tokenNumber: number): Promise<void> {
    const { session } = pick(this.devices, deviceNumber);
    session.isContested = true;
    await this.world.refresh(session, pick(session.allTokens.toReversed(), tokenNumber));
  }

  /** A tab needs an access token, also while it waits for one. */
  async ask(deviceNumber: number, n: number): Promise<void> {
    const device = pick(this.devices, deviceNumber);
    const tab = pick(device.tabs, n);
    if (tab.calls < 2) this.call(device, tab, pick(REFUSALS, Math.floor(n / 2)));
    await this.settled();
  }

  /** A request reaches the service, perhaps not for the first time. */
  arrive(messageNumber: number, clockError: number): Promise<void> {
    return this.network.arrive(messageNumber, clockError);
  }

  /** An answer reaches a tab that waits for it. */
  async deliver(messageNumber: number, answerNumber: number): Promise<void> {
    this.network.deliver(messageNumber, answerNumber);
    await this.settled();
  }

  /** A tab that refreshes is answered by something in between. */
  async interfere(deviceNumber: number, answerNumber: number): Promise<void> {
    const device = pick(this.devices, deviceNumber);
    const tab = pick(device.tabs, answerNumber);
    if (tab.calls === 0) this.call(device, tab, 'the stored one');
    await this.settled();
    this.network.interfere(tab, pick(FOREIGN_ANSWERS, answerNumber));
    await this.settled();
  }

  /** A tab waits no longer; its request may still arrive. */
  async giveUp(deviceNumber: number, tabNumber: number): Promise<void> {
    this.network.giveUp(pick(pick(this.devices, deviceNumber).tabs, tabNumber));
    await this.settled();
  }

  /** A tab starts anew, and knows only what is stored. */
  async reload(deviceNumber: number, n: number): Promise<void> {
    const device = pick(this.devices, deviceNumber);
    const tab = pick(device.tabs, n);
    tab.isGone = true;
    device.tabs[device.tabs.indexOf(tab)] = this.open(device);
    this.network.giveUp(tab);
    await this.settled();
  }

  /** A device's clock jumps. */
  turnClock(deviceNumber: number, n: number): void {
    pick(this.devices, deviceNumber).clockError = pick(CLOCK_ERRORS, n);
  }

  /** A whole round trip. */
  async refresh(deviceNumber: number, n: number): Promise<void> {
    await this.ask(deviceNumber, n);
    await this.network.roundTrip(pick(pick(this.devices, deviceNumber).tabs, n));
    await this.settled();
  }

  /** Nothing is lost any more: every tab gets an access token that the service accepts. */
  async calmDown(): Promise<void> {
    await this.loseAll();
    for (const device of this.devices) for (const n of [0, 1]) await this.expectService(device, n);
  }

  async wait(milliseconds: number): Promise<void> {
    this.world.wait(milliseconds);
    this.network.expire();
    await this.settled();
  }

  async restore(backupNumber: number, whileStopped: boolean): Promise<void> {
    // Connections don't outlive the database they were for.
    await this.loseAll();
    await this.world.restore(backupNumber, whileStopped);
  }

  private async loseAll(): Promise<void> {
    // Whoever waited for another tab sends now.
    while (this.network.isBusy) {
      this.network.loseAll();
      await this.settled();
    }
  }

  private open(device: Device): Tab {
    const tab = {
      accessToken: undefined,
      calls: 0,
      retryAfter: 0,
      signedOutOf: new Set<SessionModel>(),
      isGone: false,
      needsSignIn: false,
    } as object as Tab;
    const library = createSession({
      refreshUrl: 'https://auth.example.com/refresh_token',
      storage: device.storage.of(tab),
      patience: 0,
      // Longer than any run takes: it's the network that loses messages.
      timeout: MINUTE,
      fetch: (url, init) => this.send(device, tab, url, init),
      now: () => this.world.now + device.clockError,
      random: () => 0,
    });
    library.on('signedOut', ({ reason }) => {
      if (!tab.isGone) this.checkSignedOut(device, tab, reason);
    });
    return Object.assign(tab, { library });
  }

  private async beginSession(device: Device, tab: Tab): Promise<void> {
    const session = await this.world.signIn();
    device.sessions.push(session);
    await tab.library.signIn(session.issued);
    // What tabs say until then is about the session before.
    await this.activity.end();
    Object.assign(device, { session, hasSignedOut: false });
    await this.settled();
  }

  private async send(device: Device, tab: Tab, url: unknown, init?: RequestInit): Promise<Response> {
    this.activity.note();
    const [, token = ''] = /^Bearer (.+)$/.exec(String(new Headers(init?.headers).get('Authorization'))) ?? [];
    const session = device.sessions.find(({ allTokens }) => allTokens.includes(token));
    if (!session) throw this.failure('a token is sent that was never handed out');
    const isLogout = String(url).endsWith('/logout');
    const { hasLock, refreshToken } = device.storage;
    if (!isLogout) {
      if (token !== refreshToken) this.fail('another token is sent than is stored');
      if (this.network.isWaitedForBy([tab])) this.fail('a tab sends two refreshes at a time');
      if (hasLock && this.network.isWaitedForBy(device.tabs)) this.fail('two tabs refresh in spite of their lock');
    }
    return this.network.send({
      sender: tab,
      session,
      token,
      isLogout,
      isAlone: hasLock && !isLogout,
      signal: init?.signal,
    });
  }

  private call(device: Device, tab: Tab, refusal: (typeof REFUSALS)[number]): void {
    const stored = device.storage.accessToken;
    const refused = { 'the stored one': stored, 'its own': tab.accessToken, none: undefined }[refusal];
    tab.calls += 1;
    const given = (token: string | null) => {
      if (tab.isGone) return;
      if (token === null) {
        if (device.storage.refreshToken) this.fail('a tab is told that nobody is signed in');
        tab.needsSignIn = true;
      } else if (!device.storage.saved.has(token)) this.fail('an access token is used before it is saved');
      else if (token === refused) this.fail('a refused access token is given again');
      else tab.accessToken = token;
    };
    tab.library
      .getAccessToken({ refused })
      .then(given, (error: unknown) => {
        if (error instanceof SessionUnavailableError) tab.retryAfter = error.retryAfter;
        else this.fail(String(error));
      })
      .finally(() => {
        this.activity.note();
        tab.calls -= 1;
      });
  }

  private checkStored({ storage: { refreshToken }, session, hasSignedOut }: Device): void {
    if (!refreshToken) return;
    if (hasSignedOut) this.fail('a session is kept after signing out');
    else if (!session.allTokens.includes(refreshToken)) this.fail('the tokens of another session are stored');
  }

  private checkSignedOut(device: Device, tab: Tab, reason: string): void {
    const { storage, session, hasSignedOut } = device;
    const isRefused = this.network.refused.has(storage.lastRefreshToken);
    if (!isRefused && !(hasSignedOut && reason === 'sign_out')) this.fail(`${reason}, but the session is good`);
    if (storage.tells && !hasSignedOut && reason !== 'invalid_refresh_token') this.fail(`${reason} is not why`);
    if (tab.signedOutOf.has(session)) this.fail('a tab is told twice that its session is over');
    tab.signedOutOf.add(session);
  }

  private async expectService(device: Device, tabNumber: number): Promise<void> {
    const tab = pick(device.tabs, tabNumber);
    for (let tries = 0; tries < TRIES; tries += 1) {
      tab.accessToken = undefined;
      tab.retryAfter = 0;
      this.call(device, tab, 'the stored one');
      await this.settled();
      await this.network.roundTrip(tab);
      await this.settled();
      if (tab.calls > 0) throw this.failure('a call does not end');
      if (device.session.isLost) {
        if (!device.storage.refreshToken) throw this.failure('the token of a lost session is not kept');
        return;
      }
      const id = tab.accessToken && (await this.world.service.sessionOf(tab.accessToken));
      if (id === device.session.id) return;
      if (id) throw this.failure('an access token is good for another session');
      // In the last second of a session, an access token has no life left.
      await this.wait(Math.max(1, tab.retryAfter) * SECOND);
    }
    throw this.failure('a tab gets no access token');
  }

  /** Until the tabs have done what they can; users sign in where they are asked to. */
  private async settled(): Promise<void> {
    await this.activity.end();
    for (const device of this.devices) this.checkStored(device);
    if (this.broken.length > 0) throw this.failure(this.broken.join('; '));
    for (const device of this.devices) {
      for (const tab of device.tabs.filter(({ needsSignIn }) => needsSignIn)) {
        tab.needsSignIn = false;
        if (!device.storage.refreshToken) await this.beginSession(device, tab);
      }
    }
  }

  private fail(promise: string): void {
    this.broken.push(promise);
  }

  private failure(promise: string): Error {
    return this.world.broken(promise);
  }
}
