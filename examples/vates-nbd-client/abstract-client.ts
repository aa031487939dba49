/** What all clients of this adapter share: the calls of `@vates/nbd-client`, made of those of `@nbdjs/client`. */
import { Duplex, type Readable, type Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { type ConnectOptions, type ConnectTarget, connect, type NbdClient, UsageError } from '@nbdjs/client';
import { adoptStream } from '@nbdjs/transport';
import { blocksOf, type IndexGenerator, readAheadOf } from './read-ahead.ts';

/** The size of a block where the caller names none, in bytes. */
export const defaultBlockSize = 64 * 1024;

/** Times are in milliseconds. */
export interface ClientOptions {
  /** For connecting and the handshake together. @default 60000 */
  readonly connectTimeout?: number | undefined;
  /** For a request, and for taking leave. @default 60000 */
  readonly messageTimeout?: number | undefined;
  /** Before each attempt to connect again. @default 1000 */
  readonly waitBeforeReconnect?: number | undefined;
  /** How often a block is tried, the first time included. @default 5 */
  readonly readBlockRetries?: number | undefined;
  /** How often connecting again is tried. @default 5 */
  readonly reconnectRetry?: number | undefined;
  /** Blocks that `readBlocks` reads before they are asked for. @default 10 */
  readonly readAhead?: number | undefined;
}

/** One piece of an export, as `nbdinfo --map --json` describes it. Offset and length are in bytes. */
export interface MapEntry {
  readonly offset: number;
  readonly length: number;
  /** 0: data. Bit 0: a hole. Bit 1: reads as zeroes. */
  readonly type: number;
  readonly description: string;
}

const descriptions = ['data', 'hole', 'zero', 'hole,zero'] as const;

/** A subclass has to implement `_openTransport`, or `_target` where `@nbdjs/client` can connect by itself. */
export abstract class AbstractNbdClient {
  readonly #exportName: string;
  readonly #options: { readonly [Name in keyof ClientOptions]-?: number };
  #disk: NbdClient | undefined;
  #exportSize: bigint | undefined;
  #reconnecting: Promise<void> | undefined;
  /** Whether the caller wants a connection: reads do not bring it back after `disconnect`. */
  #isWanted = false;
  /** Counts calls of `connect` and `disconnect`: only the last one decides. */
  #generation = 0;

  constructor({ exportname = '' }: { readonly exportname?: string | undefined }, options: ClientOptions = {}) {
    this.#exportName = exportname;
    this.#options = {
      connectTimeout: options.connectTimeout ?? 60_000,
      messageTimeout: options.messageTimeout ?? 60_000,
      waitBeforeReconnect: options.waitBeforeReconnect ?? 1000,
      readBlockRetries: options.readBlockRetries ?? 5,
      reconnectRetry: options.reconnectRetry ?? 5,
      readAhead: options.readAhead ?? 10,
    };
  }

  /** In bytes; `undefined` before the first connection. */
  get exportSize(): bigint | undefined {
    return this.#exportSize;
  }

  get exportName(): string {
    return this.#exportName;
  }

  get connected(): boolean {
    return this.#disk !== undefined;
  }

  /** Opens the streams to the server; called for each connection. */
  async _openTransport(): Promise<{ readonly readable: Readable; readonly writable: Writable }> {
    throw new Error(`${this.constructor.name} must implement _openTransport()`);
  }

  /** Where to connect to. */
  _target(): ConnectTarget {
    return {
      name: this.constructor.name,
      exportName: this.#exportName,
      open: async () => {
        const { readable, writable } = await this._openTransport();
        const isOne = (readable as unknown) === writable;
        return adoptStream(isOne ? (writable as Duplex) : Duplex.from({ readable, writable }));
      },
    };
  }

  /** How to connect, besides the time limits. */
  _connectOptions(): ConnectOptions {
    return {};
  }

  /** @throws what `connect` of `@nbdjs/client` throws, and a `TimeoutError` after `connectTimeout`. */
  async connect(): Promise<void> {
    this.#isWanted = true;
    const generation = ++this.#generation;
    await this._drop();
    const disk = await this.#open();
    if (generation !== this.#generation) {
      await closeQuietly(disk);
      throw withCode(new Error('a later call has superseded this connection'), 'NBD_CONNECT_SUPERSEDED');
    }
    this.#disk = disk;
    this.#exportSize = disk.geometry.size;
  }

  /** Does nothing without a connection. */
  async disconnect(): Promise<void> {
    this.#isWanted = false;
    this.#generation++;
    await this._drop();
  }

  /** Calls at the same time share one new connection. */
  reconnect(): Promise<void> {
    this.#isWanted = true;
    this.#reconnecting ??= this.#reconnect().finally(() => {
      this.#reconnecting = undefined;
    });
    return this.#reconnecting;
  }

  /** Ends the connection that there is, and what belongs to it. */
  async _drop(): Promise<void> {
    const disk = this.#disk;
    this.#disk = undefined;
    if (disk !== undefined) await closeQuietly(disk);
  }

  /**
   * Reads the block of that number. The last block of an export may be shorter.
   *
   * @throws the error of the last attempt, with `index` and `size`. A call that is wrong is not repeated.
   */
  async readBlock(index: number, size: number = defaultBlockSize): Promise<Buffer> {
    for (let attempt = 1; ; attempt++) {
      let disk: NbdClient | undefined;
      try {
        await this.#reconnecting;
        disk = this.#requireDisk();
        return await readFrom(disk, index, size);
      } catch (error) {
        const isLast = attempt >= this.#options.readBlockRetries || isWrongCall(error) || !this.#isWanted;
        if (isLast) throw Object.assign(error as Error, { index, size });
        // Reads that fail together connect again together.
        if (this.#disk === disk) await this.reconnect();
      }
    }
  }

  /** Yields the blocks that the generator names, in its order; without one, all blocks. */
  readBlocks(
    generator: IndexGenerator = () => blocksOf(this.#exportSize ?? 0n, defaultBlockSize),
  ): AsyncGenerator<Buffer> {
    return readAheadOf(generator, (index, size) => this.readBlock(index, size), this.#options.readAhead);
  }

  /** Lists data and holes. Without a connection, it opens one for itself. */
  async getMap(signal?: AbortSignal): Promise<MapEntry[]> {
    signal?.throwIfAborted();
    const own = this.#disk === undefined ? await this.#open(signal) : undefined;
    try {
      return await mapOf(own ?? this.#requireDisk(), signal);
    } finally {
      if (own !== undefined) await closeQuietly(own);
    }
  }

  #requireDisk(): NbdClient {
    if (this.#disk !== undefined) return this.#disk;
    throw withCode(new Error('the nbd client is not connected'), 'NBD_NOT_CONNECTED');
  }

  async #reconnect(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      await this._drop();
      await delay(this.#options.waitBeforeReconnect);
      if (!this.#isWanted) throw withCode(new Error('the nbd client was disconnected'), 'NBD_NOT_CONNECTED');
      try {
        return await this.connect();
      } catch (error) {
        if (attempt >= this.#options.reconnectRetry || !this.#isWanted) throw error;
      }
    }
  }

  #open(signal?: AbortSignal): Promise<NbdClient> {
    const { connectTimeout, messageTimeout } = this.#options;
    const deadline = AbortSignal.timeout(connectTimeout);
    return connect(this._target(), {
      // Reading again, and when, is decided here.
      reconnects: false,
      connectTimeoutMs: connectTimeout,
      handshakeTimeoutMs: connectTimeout,
      requestTimeoutMs: messageTimeout,
      closeMs: messageTimeout,
      signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
      ...this._connectOptions(),
    });
  }
}

async function readFrom(disk: NbdClient, index: number, size: number): Promise<Buffer> {
  const offset = BigInt(index) * BigInt(size);
  const rest = disk.geometry.size - offset;
  // A block that begins behind the end is left to the client, which says what is wrong.
  const block = Buffer.alloc(rest > 0n && rest < BigInt(size) ? Number(rest) : size);
  await disk.read(offset, block);
  return block;
}

async function mapOf(disk: NbdClient, signal: AbortSignal | undefined): Promise<MapEntry[]> {
  if (!disk.abilities.contexts.includes('base:allocation')) {
    throw withCode(new Error(`${disk.name} does not tell what is stored`), 'NBD_MAP_UNSUPPORTED');
  }
  const map: MapEntry[] = [];
  for await (const { offset, length, status } of disk.extents({ signal })) {
    const type = Number(status);
    const description = descriptions[type] ?? `type ${type}`;
    map.push({ offset: Number(offset), length: Number(length), type, description });
  }
  return map;
}

/** For a connection that is given up: whether the server hears of it makes no difference to its user. */
async function closeQuietly(disk: NbdClient): Promise<void> {
  await disk.close().catch((error: Error) => disk.destroy(error));
}

/** Whether the same call would fail on any connection. A connection that has ended meanwhile is no such thing. */
export function isWrongCall(error: unknown): boolean {
  return error instanceof UsageError && error.code !== 'ERR_NBD_CLOSED';
}

export function withCode(error: Error, code: string): Error & { readonly code: string } {
  return Object.assign(error, { code });
}
