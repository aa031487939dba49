/**
 * A kernel for tests: it answers netlink as Linux does, and at the sockets that it is given it sends requests and reads simple replies, one
 * after the other, with cookies of its own.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { duplicateDescriptor, type NetlinkSocket } from '@nbdjs/syscalls';
import { type Attribute, contentOf, decodeAttributes, encodeAttribute, encodeU32 } from '../src/netlink/attribute.ts';
import { answer, done, type ReceivedRequest, requestOf } from '../src/netlink/kernel.testing.ts';

const ENOENT = 2;
const EBUSY = 16;
const nbdFamilyNumber = 28;
const controllerNumber = 0x10;

export const Command = { Read: 0, Write: 1, Disconnect: 2, Flush: 3, Trim: 4 } as const;
const requestMagic = 0x2560_9513;
const replyMagic = 0x6744_6698;

interface Reply {
  readonly error: number;
  readonly data: Buffer;
}

/** One queue of the kernel: a socket that it was given. */
export class Queue {
  readonly #socket: Socket;
  #cookie = 0x1234_0000n;
  #received = Buffer.alloc(0);
  #wake: () => void = () => {};
  isEnded = false;

  constructor(fd: number) {
    this.#socket = new Socket({ fd });
    this.#socket.on('data', (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#wake();
    });
    this.#socket.on('close', () => {
      this.isEnded = true;
      this.#wake();
    });
    this.#socket.on('error', () => {});
  }

  /** Makes a request, and returns the reply. */
  async request(command: number, offset: bigint, length: number, payload?: Uint8Array, flags = 0): Promise<Reply> {
    const cookie = this.#send(command, offset, length, payload, flags);
    const header = await this.#receive(16);
    if (header.readUInt32BE(0) !== replyMagic) throw new Error(`reply begins with ${header.toString('hex')}`);
    if (header.readBigUInt64BE(8) !== cookie) throw new Error('reply has another cookie');
    const error = header.readUInt32BE(4);
    const data = command === Command.Read && error === 0 ? await this.#receive(length) : Buffer.alloc(0);
    return { error, data };
  }

  /** As the kernel does when a device is detached. */
  disconnect(): void {
    this.#send(Command.Disconnect, 0n, 0);
    this.#socket.end();
  }

  /** As when the kernel gives a socket up. */
  destroy(): void {
    this.#socket.destroy();
  }

  #send(command: number, offset: bigint, length: number, payload: Uint8Array = new Uint8Array(0), flags = 0): bigint {
    const cookie = this.#cookie++;
    const header = Buffer.alloc(28);
    header.writeUInt32BE(requestMagic, 0);
    header.writeUInt16BE(flags, 4);
    header.writeUInt16BE(command, 6);
    header.writeBigUInt64BE(cookie, 8);
    header.writeBigUInt64BE(offset, 16);
    header.writeUInt32BE(length, 24);
    this.#socket.write(Buffer.concat([header, payload]));
    return cookie;
  }

  async #receive(byteCount: number): Promise<Buffer> {
    while (this.#received.length < byteCount) {
      if (this.isEnded) throw new Error('socket has ended');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const bytes = this.#received.subarray(0, byteCount);
    this.#received = this.#received.subarray(byteCount);
    return bytes;
  }
}

interface Device {
  readonly queues: Queue[];
  readonly attributes: readonly Attribute[];
}

export class ScriptedKernel {
  /** Devices that are attached, by their numbers. */
  readonly devices = new Map<number, Device>();
  /** What it was told last, by the types of attributes. */
  readonly #folder: string;
  /** Whether it has the family. */
  hasNbd = true;
  /** How it refuses the next request for a device. */
  refusal: { readonly errorNumber: number; readonly text?: string } | undefined;
  isClosed = false;

  /** `folder` takes the place of `/sys/block`. */
  constructor(folder: string, deviceCount = 4) {
    this.#folder = folder;
    for (let index = 0; index < deviceCount; index++) {
      mkdirSync(join(folder, `nbd${index}`), { recursive: true });
      this.#show(index, 'size', '0');
      this.#show(index, 'ro', '0');
    }
  }

  readonly openNetlink = (): NetlinkSocket => {
    const answers: Uint8Array[] = [];
    return {
      send: async (message) => void answers.push(...this.#answer(requestOf(message))),
      receive: () => answers.shift(),
      close: () => {
        this.isClosed = true;
      },
    };
  };

  #answer(request: ReceivedRequest): readonly Uint8Array[] {
    if (request.family === controllerNumber) {
      if (!this.hasNbd) return [done(request, ENOENT)];
      return [answer(request, [encodeAttribute(1, Buffer.from([nbdFamilyNumber, 0]))]), done(request)];
    }
    const { refusal } = this;
    if (refusal !== undefined) return [done(request, refusal.errorNumber, refusal.text)];
    const given = contentOf(request.attributes, 1);
    const wanted = given === undefined ? undefined : Buffer.from(given).readUInt32LE();
    if (request.command === 2) return this.#disconnect(request, wanted ?? 0);
    return this.#connect(request, wanted);
  }

  #connect(request: ReceivedRequest, wanted: number | undefined): readonly Uint8Array[] {
    const index = wanted ?? [0, 1, 2, 3].find((free) => !this.devices.has(free)) ?? 0;
    if (request.command === 1 && this.devices.has(index)) return [done(request, EBUSY)];
    const sockets = decodeAttributes(contentOf(request.attributes, 7) ?? new Uint8Array());
    const queues = sockets.map(({ content }) => {
      const fd = Buffer.from(contentOf(decodeAttributes(content), 1) ?? []).readUInt32LE();
      return new Queue(duplicateDescriptor(fd) ?? -1);
    });
    this.devices.set(index, { queues, attributes: request.attributes });
    this.#show(index, 'size', String((this.numberOf(index, 2) ?? 0n) / 512n));
    this.#show(index, 'pid', String(process.pid));
    this.#show(index, 'backend', 'scripted');
    return [answer(request, [encodeU32(1, index)]), done(request)];
  }

  #disconnect(request: ReceivedRequest, index: number): readonly Uint8Array[] {
    for (const queue of this.devices.get(index)?.queues ?? []) queue.disconnect();
    this.devices.delete(index);
    for (const name of ['pid', 'backend']) rmSync(join(this.#folder, `nbd${index}`, name), { force: true });
    this.#show(index, 'size', '0');
    return [done(request)];
  }

  /** Returns a number of 64 bits that it was told about a device. */
  numberOf(index: number, type: number): bigint | undefined {
    const content = contentOf(this.devices.get(index)?.attributes ?? [], type);
    return content === undefined ? undefined : Buffer.from(content).readBigUInt64LE();
  }

  /** Lets go of everything. */
  close(): void {
    for (const { queues } of this.devices.values()) for (const queue of queues) queue.destroy();
  }

  #show(index: number, name: string, text: string): void {
    writeFileSync(join(this.#folder, `nbd${index}`, name), `${text}\n`);
  }
}
