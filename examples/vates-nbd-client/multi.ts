/** `MultiNbdClient` of `@vates/nbd-client`: several connections, perhaps to several hosts that have the same export. */
import {
  type AbstractNbdClient,
  type ClientOptions,
  defaultBlockSize,
  isWrongCall,
  type MapEntry,
  withCode,
} from './abstract-client.ts';
import { blocksOf, type IndexGenerator, readAheadOf } from './read-ahead.ts';
import { NbdTcpClient, type TcpSettings } from './tcp-client.ts';

export interface MultiOptions extends ClientOptions {
  /** Connections. @default 8 */
  readonly nbdConcurrency?: number | undefined;
  /** Blocks that `readBlocks` reads ahead, over all connections. @default 16 */
  readonly readAhead?: number | undefined;
}

/** What it needs of the clients that it spreads the reads over. */
export type OneClient = Pick<AbstractNbdClient, 'connect' | 'disconnect' | 'readBlock' | 'getMap' | 'exportSize'>;

export default class MultiNbdClient {
  readonly #hosts: readonly TcpSettings[];
  readonly #options: ClientOptions;
  readonly #concurrency: number;
  readonly #readAhead: number;
  #clients: OneClient[] = [];
  #next = 0;

  constructor(settings: TcpSettings | readonly TcpSettings[], options: MultiOptions = {}) {
    const { nbdConcurrency = 8, readAhead = 16, ...others } = options;
    this.#hosts = 'address' in settings ? [settings] : [...settings];
    this.#options = others;
    this.#concurrency = nbdConcurrency;
    this.#readAhead = readAhead;
  }

  get exportSize(): bigint | undefined {
    return this.#clients[0]?.exportSize;
  }

  /** Makes one client; tests put others in its place. */
  _createClient(settings: TcpSettings, options: ClientOptions): OneClient {
    return new NbdTcpClient(settings, options);
  }

  /**
   * Opens the connections one after the other, each to a host chosen by chance. A host that cannot be reached is not asked again.
   *
   * @throws an error of code `NO_NBD_AVAILABLE` when there is no connection at all; its `errors` say why.
   */
  async connect(): Promise<void> {
    const candidates = [...this.#hosts];
    const errors: unknown[] = [];
    while (this.#clients.length < this.#concurrency && candidates.length > 0) {
      const place = Math.floor(Math.random() * candidates.length);
      const client = this._createClient(candidates[place] as TcpSettings, this.#options);
      try {
        await client.connect();
        this.#clients.push(client);
      } catch (error) {
        errors.push(error);
        candidates.splice(place, 1);
        await client.disconnect();
      }
    }
    if (this.#clients.length > 0) return;
    throw withCode(new AggregateError(errors, 'Fail to connect to any Nbd client'), 'NO_NBD_AVAILABLE');
  }

  async disconnect(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.disconnect()));
  }

  /** Reads by the next connection. One that fails is given up, and the block is read by another. */
  async readBlock(index: number, size: number = defaultBlockSize): Promise<Buffer> {
    for (;;) {
      const client = this.#clients[this.#next++ % this.#clients.length];
      if (client === undefined) throw withCode(new Error('the nbd client is not connected'), 'NBD_NOT_CONNECTED');
      try {
        return await client.readBlock(index, size);
      } catch (error) {
        // A call that is wrong says nothing about the connection.
        if (isWrongCall(error)) throw error;
        this.#evict(client);
        if (this.#clients.length === 0) throw error;
      }
    }
  }

  /** Yields the blocks that the generator names, in its order; without one, all blocks. */
  readBlocks(
    generator: IndexGenerator = () => blocksOf(this.exportSize ?? 0n, defaultBlockSize),
  ): AsyncGenerator<Buffer> {
    return readAheadOf(generator, (index, size) => this.readBlock(index, size), this.#readAhead);
  }

  /** Lists data and holes, as one of the clients reports them. */
  async getMap(signal?: AbortSignal): Promise<MapEntry[]> {
    const client = this.#clients[Math.floor(this.#clients.length * Math.random())];
    if (client === undefined) throw withCode(new Error('the nbd client is not connected'), 'NBD_NOT_CONNECTED');
    return await client.getMap(signal);
  }

  /** Reads that fail at the same time on one connection give it up once. */
  #evict(client: OneClient): void {
    if (!this.#clients.includes(client)) return;
    this.#clients = this.#clients.filter((other) => other !== client);
    client.disconnect().catch(() => {});
  }
}
