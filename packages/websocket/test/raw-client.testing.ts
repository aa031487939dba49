/** A client that writes the frames of WebSocket itself, right or wrong ones. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';

export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameToSend {
  readonly opcode?: number;
  readonly fin?: boolean;
  readonly isMasked?: boolean;
  readonly payload?: Uint8Array;
}

export interface ReceivedFrame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly payload: Buffer;
}

/** Encodes one frame (RFC 6455, section 5.2). */
function frame({
  opcode: code = opcode.binary,
  fin = true,
  isMasked = true,
  payload = new Uint8Array(0),
}: FrameToSend): Buffer {
  const { length } = payload;
  const extended = length > 65_535 ? Buffer.alloc(8) : length > 125 ? Buffer.alloc(2) : Buffer.alloc(0);
  if (extended.length === 8) extended.writeBigUInt64BE(BigInt(length));
  if (extended.length === 2) extended.writeUInt16BE(length);
  const short = extended.length === 8 ? 127 : extended.length === 2 ? 126 : length;
  const mask = isMasked ? randomBytes(4) : Buffer.alloc(0);
  const bytes = isMasked ? Buffer.from(payload.map((byte, index) => byte ^ (mask[index % 4] as number))) : payload;
  return Buffer.concat([Uint8Array.of((fin ? 0x80 : 0) | code, (isMasked ? 0x80 : 0) | short), extended, mask, bytes]);
}

export class RawClient implements AsyncDisposable {
  readonly frames: ReceivedFrame[] = [];
  /** The head of the server's answer. */
  head = '';
  readonly socket: Socket;
  #bytes = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (bytes) => this.#take(bytes));
  }

  static async connect(port: number, headers: Readonly<Record<string, string>> = {}, path = '/'): Promise<RawClient> {
    const socket = createConnection({ host: '127.0.0.1', port });
    await once(socket, 'connect');
    const client = new RawClient(socket);
    const all: Record<string, string> = {
      Host: `127.0.0.1:${port}`,
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
      ...headers,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
    await client.until(() => client.head !== '');
    return client;
  }

  /** The status of HTTP. */
  get status(): number {
    return Number(/^HTTP\/1.1 (\d+)/.exec(this.head)?.[1] ?? 0);
  }

  /** All that came in data frames so far. */
  get received(): Buffer {
    return Buffer.concat(this.frames.filter((one) => one.opcode <= opcode.binary).map((one) => one.payload));
  }

  /** The code of the server's Close. */
  get closeCode(): number | undefined {
    return this.frames.find((one) => one.opcode === opcode.close)?.payload.readUInt16BE(0);
  }

  send(...frames: readonly FrameToSend[]): void {
    this.socket.write(Buffer.concat(frames.map(frame)));
  }

  async until(condition: () => boolean): Promise<void> {
    const deadline = performance.now() + 10_000;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error('timed out');
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
  }

  #take(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    if (this.head === '') {
      const end = this.#bytes.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.head = this.#bytes.subarray(0, end).toString();
      this.#bytes = this.#bytes.subarray(end + 4);
    }
    if (this.status !== 101) return;
    for (let next = this.#next(); next !== undefined; next = this.#next()) this.frames.push(next);
  }

  #next(): ReceivedFrame | undefined {
    const bytes = this.#bytes;
    if (bytes.length < 2) return undefined;
    const short = bytes.readUInt8(1) & 0x7f;
    const start = short === 127 ? 10 : short === 126 ? 4 : 2;
    if (bytes.length < start) return undefined;
    const length = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
    if (bytes.length < start + length) return undefined;
    this.#bytes = bytes.subarray(start + length);
    const first = bytes.readUInt8(0);
    return { opcode: first & 15, fin: first >= 0x80, payload: Buffer.from(bytes.subarray(start, start + length)) };
  }
}
