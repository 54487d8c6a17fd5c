import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** PROTOCOL_41, CONNECT_WITH_DB, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH. */
const CAPABILITIES = 0x08_a2_08;
const UTF8MB4 = 45;
const AUTOCOMMIT = 2;
const QUERY = 3;

const OK = Buffer.from([0, 0, 0, AUTOCOMMIT, 0, 0, 0]);
const END = Buffer.from([0xfe, 0, 0, AUTOCOMMIT, 0]);

/** Speaks MySQL's protocol, lets everybody in, and knows its version and nothing else. */
export class PretendedMysql {
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  private constructor(private readonly version: string) {
    this.server = createServer((socket) => this.serve(socket));
  }

  static async ofVersion(version: string): Promise<PretendedMysql> {
    const pretended = new PretendedMysql(version);
    await once(pretended.server.listen(0, '127.0.0.1'), 'listening');
    return pretended;
  }

  get url(): string {
    return `mysql://root@127.0.0.1:${(this.server.address() as AddressInfo).port}/sessions`;
  }

  close(): Promise<void> {
    this.sockets.forEach((socket) => socket.destroy());
    return new Promise((done) => void this.server.close(() => done()));
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    let isKnown = false;
    // The driver waits for each answer, so that what comes at once is one packet.
    socket.on('data', (data) => {
      if (!isKnown) send(socket, 2, OK);
      else if (data[4] !== QUERY) socket.end();
      else if (/version/i.test(data.toString())) this.tellVersion(socket);
      else send(socket, 1, OK);
      isKnown = true;
    });
    send(socket, 0, greeting(this.version));
  }

  private tellVersion(socket: Socket): void {
    const names = ['def', '', '', '', 'version', 'version'].map(text);
    const kind = Buffer.from([0x0c, UTF8MB4, 0, 0xff, 0, 0, 0, 0xfd, 0, 0, 0, 0, 0]);
    send(socket, 1, Buffer.from([1]), Buffer.concat([...names, kind]), END, text(this.version), END);
  }
}

function greeting(version: string): Buffer {
  const salt = 'a'.repeat(8);
  const capabilities = Buffer.alloc(4);
  capabilities.writeUInt32LE(CAPABILITIES);
  return Buffer.concat([
    Buffer.from([10]),
    Buffer.from(`${version}\0`),
    Buffer.from([1, 0, 0, 0]),
    Buffer.from(`${salt}\0`),
    capabilities.subarray(0, 2),
    Buffer.from([UTF8MB4, AUTOCOMMIT, 0]),
    capabilities.subarray(2),
    Buffer.from([21]),
    Buffer.alloc(10),
    Buffer.from(`${'b'.repeat(12)}\0mysql_native_password\0`),
  ]);
}

/** A text with its length before it. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([Buffer.byteLength(value)]), Buffer.from(value)]);
}

/** Sends packets, numbered from `first` on. */
function send(socket: Socket, first: number, ...payloads: Buffer[]): void {
  const packets = payloads.map((payload, at) => {
    const head = Buffer.alloc(4);
    head.writeUIntLE(payload.length, 0, 3);
    head[3] = first + at;
    return Buffer.concat([head, payload]);
  });
  socket.write(Buffer.concat(packets));
}
