/**
 * QEMU's fault injector (tests/qemu-iotests/nbd-fault-injector.py): a server that knows only EXPORT_NAME, or only the oldstyle
 * handshake, has 8 GiB of zeroes, and drops its connection at a given moment.
 */

import { createServer, type Server, type Socket } from 'node:net';
import type { SocketAddress } from '@nbdjs/conformance/connector';
import { Command } from '@nbdjs/protocol';
import { listenAt, uriAt } from './socket-address.ts';

/** What is being said or heard; `data` is the payload of a read's reply or of a write. */
export type FaultEvent = 'neg1' | 'export' | 'neg2' | 'neg-classic' | 'request' | 'reply' | 'data';

export interface FaultRule {
  readonly event: FaultEvent;
  /** A number lets so many bytes of it through. */
  readonly when: 'before' | 'after' | number;
}

export interface FaultInjectorOptions {
  /** One after the other: each drops one connection. @default none */
  readonly rules?: readonly FaultRule[] | undefined;
  /** Oldstyle. @default false */
  readonly classic?: boolean | undefined;
  /** Takes no more connections when the first rule has come true. @default false */
  readonly exits?: boolean | undefined;
}

const diskBytes = 8n * 2n ** 30n;
const magic = 0x4e42_444d_4147_4943n;
const newstyleMagic = 0x4948_4156_454f_5054n;
const oldstyleMagic = 0x0000_4202_8186_1253n;
const replyMagic = 0x6744_6698;

export class FaultInjector implements AsyncDisposable {
  readonly #rules: FaultRule[];
  readonly #options: FaultInjectorOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #address: SocketAddress | undefined;
  /** Payload of writes that have been answered, in bytes. */
  writtenBytes = 0;

  private constructor(options: FaultInjectorOptions) {
    this.#options = options;
    this.#rules = [...(options.rules ?? [])];
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  static async start(address: SocketAddress, options: FaultInjectorOptions = {}): Promise<FaultInjector> {
    const injector = new FaultInjector(options);
    injector.#address = await listenAt(injector.#server, address);
    return injector;
  }

  get uri(): string {
    if (this.#address === undefined) throw new Error('it does not listen');
    return uriAt(this.#address);
  }

  /** Whether a rule has not come true yet. */
  get hasRules(): boolean {
    return this.#rules.length > 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    const session = new Session(socket, (event) =>
      this.#rules.find((rule, index) => index === 0 && rule.event === event),
    );
    const dropped = (): void => {
      this.#rules.shift();
      if (this.#options.exits === true) this.#server.close();
    };
    void this.#serve(session).catch((error: unknown) => {
      if (error === drop) dropped();
      socket.destroySoon();
    });
  }

  async #serve(session: Session): Promise<void> {
    if (this.#options.classic === true) {
      await session.send('neg-classic', words([magic, 8], [oldstyleMagic, 8], [diskBytes, 8], [0n, 4]), 124);
    } else {
      await session.send('neg1', words([magic, 8], [newstyleMagic, 8], [0n, 2]));
      const option = await session.receive('export', 20);
      await session.receive(undefined, option.readUInt32BE(16));
      await session.send('neg2', words([diskBytes, 8], [0n, 2]), 124);
    }
    for (;;) {
      const request = await session.receive('request', 28);
      const command = request.readUInt16BE(6);
      const length = request.readUInt32BE(24);
      if (command === Command.Disconnect) return;
      if (command === Command.Write) {
        await session.receive('data', length);
        this.writtenBytes += length;
      }
      await session.send('reply', Buffer.concat([words([BigInt(replyMagic), 4], [0n, 4]), request.subarray(8, 16)]));
      if (command === Command.Read) await session.send('data', Buffer.alloc(0), length);
    }
  }
}

/** Thrown where a rule has come true. */
const drop = Symbol('drop');

class Session {
  readonly #socket: Socket;
  readonly #ruleOf: (event: FaultEvent) => FaultRule | undefined;
  #bytes = Buffer.alloc(0);
  #wake = (): void => {};

  constructor(socket: Socket, ruleOf: (event: FaultEvent) => FaultRule | undefined) {
    this.#socket = socket;
    this.#ruleOf = ruleOf;
    socket.on('data', (bytes) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes as Buffer]);
      this.#wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => this.#wake());
  }

  /** Sends bytes, and so many zeroes behind them. */
  async send(event: FaultEvent, head: Uint8Array, zeroBytes = 0): Promise<void> {
    const bytes = Buffer.concat([head, Buffer.alloc(zeroBytes)]);
    const when = this.#ruleOf(event)?.when;
    if (when === 'before') throw drop;
    this.#socket.write(typeof when === 'number' ? bytes.subarray(0, when) : bytes);
    if (when !== undefined) throw drop;
  }

  async receive(event: FaultEvent | undefined, byteCount: number): Promise<Buffer> {
    const when = event === undefined ? undefined : this.#ruleOf(event)?.when;
    if (when === 'before') throw drop;
    const bytes = await this.#read(typeof when === 'number' ? when : byteCount);
    if (when !== undefined) throw drop;
    return bytes;
  }

  async #read(byteCount: number): Promise<Buffer> {
    while (this.#bytes.length < byteCount) {
      if (this.#socket.destroyed || this.#socket.readableEnded) throw new Error('the client is gone');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const bytes = this.#bytes.subarray(0, byteCount);
    this.#bytes = this.#bytes.subarray(byteCount);
    return bytes;
  }
}

/** Numbers of so many bytes each. */
function words(...numbers: readonly (readonly [value: bigint, byteCount: number])[]): Buffer {
  return Buffer.concat(
    numbers.map(([value, byteCount]) => Buffer.from(value.toString(16).padStart(2 * byteCount, '0'), 'hex')),
  );
}
