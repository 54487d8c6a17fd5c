import { HonestClient, type Refreshing, type TokenStore } from './honest-client.js';
import type { Answer } from './http.js';
import { pick, type RotationWorld } from './rotation-world.js';
import type { SessionModel } from './session-model.js';

interface Tab {
  waitsFor?: Message | undefined;
}

interface Device {
  session: SessionModel;
  /** One a session. */
  store: TokenStore;
  readonly tabs: readonly [Tab, Tab];
}

/** A refresh on its way: the request may arrive late, again or never, and so may its answers. */
interface Message {
  readonly device: Device;
  readonly tab: Tab;
  readonly session: SessionModel;
  readonly token: string;
  readonly sentAt: number;
  readonly answers: Answer[];
  answer(answer: Answer): void;
  giveUp(): void;
  readonly refreshing: Promise<Refreshing>;
}

/** What is asked of the network and of the devices that use it; milliseconds. */
export interface NetworkLimits {
  /** Nothing is on its way for as long as this. */
  readonly messageLife: number;
  /** A token as old as this is sent only when nothing that was sent with another one is on its way any more. */
  readonly overlap: number;
}

/** Honest devices of two tabs each, and the network between them and the service. */
export class HonestDevices {
  private inFlight: Message[] = [];

  private constructor(
    private readonly world: RotationWorld,
    private readonly devices: readonly Device[],
    private readonly limits: NetworkLimits,
  ) {}

  static async signIn(world: RotationWorld, count: number, limits: NetworkLimits): Promise<HonestDevices> {
    const devices: Device[] = [];
    for (let n = 0; n < count; n += 1) devices.push({ ...(await beginSession(world)), tabs: [{}, {}] });
    return new HonestDevices(world, devices, limits);
  }

  /** The user signs in again. */
  async signIn(deviceNumber: number): Promise<void> {
    Object.assign(pick(this.devices, deviceNumber), await beginSession(this.world));
  }

  /** The user signs out, with any token that the session ever had, and in again. */
  async logOut(deviceNumber: number, tokenNumber: number): Promise<void> {
    const { session } = pick(this.devices, deviceNumber);
    await this.world.logOut(session, pick(session.allTokens, tokenNumber));
    if (session.isEnded) await this.signIn(deviceNumber);
  }

  /** A thief presents any token that the session ever had. */
  async stealFrom(deviceNumber: number, tokenNumber: number): Promise<void> {
    const { session } = pick(this.devices, deviceNumber);
    session.isContested = true;
    await this.world.refresh(session, pick(session.allTokens.toReversed(), tokenNumber));
  }

  /** A tab sends its refresh, unless it waits for an answer already. */
  send(deviceNumber: number, tabNumber: number): Message | undefined {
    const device = pick(this.devices, deviceNumber);
    const { session, store } = device;
    const tab = pick(device.tabs, tabNumber);
    if (tab.waitsFor) return undefined;
    if (this.world.now - session.mintedAt(store.refreshToken) >= this.limits.overlap) {
      this.lose((message) => message.session === session && message.token !== store.refreshToken);
    }
    const message = this.compose(device, tab);
    this.inFlight.push(message);
    tab.waitsFor = message;
    return message;
  }

  /** A request reaches the service, perhaps not for the first time. */
  async arrive(messageNumber: number, clockError: number): Promise<void> {
    if (this.inFlight.length > 0) await this.process(pick(this.inFlight, messageNumber), clockError);
  }

  /** An answer reaches a tab that waits for it. */
  async deliver(messageNumber: number, answerNumber: number): Promise<void> {
    const answered = this.inFlight.filter((message) => message.tab.waitsFor === message && message.answers.length > 0);
    if (answered.length === 0) return;
    const message = pick(answered, messageNumber);
    await this.finish(message, pick(message.answers, answerNumber));
  }

  /** A tab waits no longer; its request may still arrive. */
  giveUp(deviceNumber: number, tabNumber: number): void {
    const tab = pick(pick(this.devices, deviceNumber).tabs, tabNumber);
    tab.waitsFor?.giveUp();
    tab.waitsFor = undefined;
  }

  /** A whole round trip. */
  async refresh(deviceNumber: number, tabNumber: number): Promise<void> {
    const message = this.send(deviceNumber, tabNumber);
    if (message) await this.finish(message, await this.process(message, 0));
  }

  /** Every tab makes a round trip. */
  async refreshAll(): Promise<void> {
    for (const n of this.devices.keys()) {
      for (const tab of [0, 1]) {
        this.giveUp(n, tab);
        await this.refresh(n, tab);
      }
    }
  }

  wait(milliseconds: number): void {
    this.world.wait(milliseconds);
    this.lose(({ sentAt }) => this.world.now - sentAt >= this.limits.messageLife);
  }

  async restore(backupNumber: number): Promise<void> {
    // Connections don't outlive the database they were for.
    this.lose(() => true);
    await this.world.restore(backupNumber);
  }

  private compose(device: Device, tab: Tab): Message {
    const { session, store } = device;
    let answer!: Message['answer'];
    let giveUp!: Message['giveUp'];
    let token!: string;
    const client = new HonestClient(store, (sent) => {
      token = sent;
      return new Promise<Answer>((resolve, reject) => {
        answer = resolve;
        giveUp = () => reject(new Error('No answer came.'));
      });
    });
    const refreshing = client.refresh();
    return { device, tab, session, token, sentAt: this.world.now, answers: [], answer, giveUp, refreshing };
  }

  private async process(message: Message, clockError: number): Promise<Answer> {
    const answer = await this.world.refresh(message.session, message.token, clockError);
    message.answers.push(answer);
    return answer;
  }

  private async finish(message: Message, answer: Answer): Promise<void> {
    const { device, tab, session } = message;
    message.answer(answer);
    const { outcome } = await message.refreshing;
    tab.waitsFor = undefined;
    if (outcome === 'sign-in' && device.session === session) Object.assign(device, await beginSession(this.world));
  }

  private lose(isLost: (message: Message) => boolean): void {
    for (const message of this.inFlight.filter(isLost)) {
      message.giveUp();
      if (message.tab.waitsFor === message) message.tab.waitsFor = undefined;
    }
    this.inFlight = this.inFlight.filter((message) => !isLost(message));
  }
}

async function beginSession(world: RotationWorld): Promise<Pick<Device, 'session' | 'store'>> {
  const session = await world.signIn();
  return { session, store: { refreshToken: session.firstToken } };
}
