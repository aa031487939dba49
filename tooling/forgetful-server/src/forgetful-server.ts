/**
 * Our server over storage that keeps writes in its cache until a flush, and loses them when it crashes; on a real socket, which
 * survives the crash as one of systemd's would.
 */
import type { BlockDevice, ByteChannel, Offset } from '@nbdjs/interfaces';
import { createServer, type Server } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';

import { type SocketAddress, seededRandom, uriAt } from '@nbdjs/testkit';
import { type Listener, listen } from '@nbdjs/transport';

export interface ForgetfulServerOptions {
  readonly path: string;
  readonly sizeBytes: number;
  /** Of what was not flushed, so many sectors survive a crash all the same, from 0 to 1. @default 0 */
  readonly survival?: number | undefined;
  /** Called before each flush is carried out. */
  readonly onFlush?: (() => void) | undefined;
}

const sectorBytes = 512;

export class ForgetfulServer implements AsyncDisposable {
  crashCount = 0;
  /** Whether a crash would lose something that was written. */
  hasUnflushed = false;
  readonly #options: ForgetfulServerOptions;
  readonly #random = seededRandom(1);
  /** What survives a crash. */
  readonly #durable: Uint8Array;
  /** The state of the current run. */
  #cache: BlockDevice;
  #server: Server;
  #listener: Listener | undefined;

  private constructor(options: ForgetfulServerOptions) {
    this.#options = options;
    this.#durable = new Uint8Array(options.sizeBytes);
    this.#cache = this.#load();
    this.#server = this.#run(this.#cache);
  }

  static async start(options: ForgetfulServerOptions): Promise<ForgetfulServer> {
    const server = new ForgetfulServer(options);
    await server.admit();
    return server;
  }

  get uri(): string {
    return uriAt(this.#address);
  }

  /** What a crash would leave. */
  get durable(): Uint8Array {
    return this.#durable;
  }

  /** Takes connections, again after `refuse`. */
  async admit(): Promise<void> {
    this.#listener ??= await listen(this.#address, (channel: ByteChannel) => void this.#server.accept(channel));
  }

  /** Takes no connections. */
  async refuse(): Promise<void> {
    await this.#listener?.close();
    this.#listener = undefined;
  }

  /** Ends at once, with everything that was not flushed, and is back at once. */
  crash(): void {
    this.crashCount++;
    this.hasUnflushed = false;
    void this.#server.destroy();
    this.#letSomeSurvive();
    void this.#cache.close();
    this.#cache = this.#load();
    this.#server = this.#run(this.#cache);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.refuse();
    await this.#server.destroy();
  }

  get #address(): SocketAddress {
    return { type: 'unix', path: this.#options.path };
  }

  #load(): BlockDevice {
    const cache = createMemoryDevice({ size: this.#options.sizeBytes });
    void cache.write(0, this.#durable);
    return cache;
  }

  /** One run. Its calls take some time, so that a crash finds requests in every state. */
  #run(cache: BlockDevice): Server {
    const keep = (offset: Offset, length: Offset): void => this.#keep(cache, Number(offset), Number(length));
    const after = async (work: () => unknown): Promise<void> => {
      for (let turns = Math.floor(this.#random() * 3); turns > 0; turns--)
        await new Promise((next) => setImmediate(next));
      // After a crash, the device is closed and refuses.
      await work();
    };
    const device: BlockDevice = {
      geometry: cache.geometry,
      abilities: cache.abilities,
      read: (offset, target) => after(() => cache.read(offset, target)),
      write: (offset, source, options) =>
        after(() => {
          void cache.write(offset, source);
          if (options?.fua === true) keep(offset, source.length);
          else this.hasUnflushed = true;
        }),
      writeZeroes: (offset, length, options) =>
        after(() => {
          void cache.writeZeroes(offset, length);
          if (options?.fua === true) keep(offset, length);
          else this.hasUnflushed = true;
        }),
      trim: (offset, length, options) =>
        after(() => {
          void cache.trim(offset, length);
          if (options?.fua === true) keep(offset, length);
        }),
      flush: () =>
        after(() => {
          this.#options.onFlush?.();
          keep(0, this.#options.sizeBytes);
          this.hasUnflushed = false;
        }),
      cache() {},
      blockStatus: (offset, length, options) => cache.blockStatus(offset, length, options),
      close: () => cache.close(),
    };
    return createServer({ exports: { '': device } });
  }

  #keep(cache: BlockDevice, offset: number, length: number): void {
    void cache.read(offset, this.#durable.subarray(offset, offset + length));
  }

  #letSomeSurvive(): void {
    const { survival = 0, sizeBytes } = this.#options;
    for (let offset = 0; offset < sizeBytes; offset += sectorBytes) {
      if (this.#random() < survival) this.#keep(this.#cache, offset, sectorBytes);
    }
  }
}
