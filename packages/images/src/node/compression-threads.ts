/** Compression in threads, for versions of Node that have none of their own for Zstandard: WebAssembly would keep the main thread busy. */
import { UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import type { Codecs } from '../codecs/codecs.ts';
import { type CompressionOrder, type CompressionReport, joinPieces, splitPieces } from './compression-thread.ts';
import { nodeCodecs } from './node-codecs.ts';
import { isZstdNative } from './node-zstd.ts';

/** What is used of a thread; `Worker` of `node:worker_threads` is one. */
export interface CompressionThread {
  postMessage(order: unknown, transfer?: readonly ArrayBuffer[]): void;
  on(event: 'message', listener: (report: unknown) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
  terminate(): Promise<number>;
}

export const compressionThreadsOptions = defineOptions({
  /** How many threads there are at most; each is started when there is work for it. */
  threads: option.count({
    required: true,
    least: 1,
    most: 256,
    doc: 'How many threads there are at most; each is started when there is work for it.',
  }),
  /** Starts a thread whose module calls `serveCompression`. */
  startThread: option.callback<() => CompressionThread>({
    required: true,
    doc: 'Starts a thread whose module calls `serveCompression`.',
  }),
  /** Threads also where Node has Zstandard itself, which it runs in threads of its own. @default false */
  always: option.boolean({
    default: false,
    doc: 'Threads also where Node has Zstandard itself, which it runs in threads of its own.',
  }),
});

/** How compression runs in threads. */
export interface CompressionThreadsOptions extends OptionsOf<typeof compressionThreadsOptions> {}

/** Compression in threads. */
export interface CompressionThreads {
  /** `nodeCodecs`, whose `zstdCompress` is done by the threads. */
  readonly codecs: Codecs;
  /** Ends the threads; what is under way fails. */
  close(): Promise<void>;
}

/**
 * Has several threads compress. Where Node has Zstandard itself, there are none, because that runs in threads anyway.
 *
 * How much is under way is the caller's choice: what it asks for is copied, and waits for a thread that is free.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, wrong or missing.
 */
export function createCompressionThreads(options: CompressionThreadsOptions): CompressionThreads {
  const { threads, startThread, always } = compressionThreadsOptions.resolve('createCompressionThreads', options);
  if (isZstdNative && !always) return { codecs: nodeCodecs, close: async () => {} };
  const pool = new Pool(threads, startThread);
  return {
    codecs: { ...nodeCodecs, zstdCompress: (source, level) => pool.compress(source, level) },
    close: () => pool.close(),
  };
}

/** Pieces in one order: a message for each would cost as much as a tenth of the compression of 64 KiB. */
const piecesMax = 8;
/** Orders that a thread has, so that it need not wait for the next one. */
const ordersMax = 2;

interface Waiting {
  readonly piece: Uint8Array;
  readonly level: number | undefined;
  resolve(packed: Uint8Array): void;
  reject(error: unknown): void;
}

interface Member {
  readonly thread: CompressionThread;
  readonly orders: Map<number, readonly Waiting[]>;
}

class Pool {
  readonly #threadsMax: number;
  readonly #startThread: () => CompressionThread;
  readonly #members: Member[] = [];
  #waiting: Waiting[] = [];
  #nextId = 0;
  #isScheduled = false;
  #failure: Error | undefined;

  constructor(threadsMax: number, startThread: () => CompressionThread) {
    this.#threadsMax = threadsMax;
    this.#startThread = startThread;
  }

  compress(source: Uint8Array, level: number | undefined): Promise<Uint8Array> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ piece: source, level, resolve, reject });
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      // Pieces of one turn go together.
      queueMicrotask(() => {
        this.#isScheduled = false;
        this.#dispatch();
      });
    });
  }

  async close(): Promise<void> {
    this.#fail(new UsageError('ERR_NBD_CLOSED', 'the threads that compress have ended'));
    await Promise.all(this.#members.map(({ thread }) => thread.terminate()));
  }

  #dispatch(): void {
    while (this.#waiting.length > 0 && this.#failure === undefined) {
      const member = this.#freeMember();
      if (member === undefined) return;
      const { level } = this.#waiting[0] as Waiting;
      const end = this.#waiting.findIndex((one, index) => index === piecesMax || one.level !== level);
      const pieces = this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
      const id = this.#nextId++;
      member.orders.set(id, pieces);
      // A copy, because the caller keeps its memory.
      const order: CompressionOrder = { id, level, ...joinPieces(pieces.map(({ piece }) => piece)) };
      member.thread.postMessage(order, [order.bytes.buffer as ArrayBuffer]);
    }
  }

  /** The thread with the fewest orders, if it may have another; a new one before any has two. */
  #freeMember(): Member | undefined {
    let best: Member | undefined;
    for (const member of this.#members) if (best === undefined || member.orders.size < best.orders.size) best = member;
    if (best !== undefined && best.orders.size === 0) return best;
    if (this.#members.length < this.#threadsMax) return this.#start();
    return best !== undefined && best.orders.size < ordersMax ? best : undefined;
  }

  #start(): Member | undefined {
    try {
      const member: Member = { thread: this.#startThread(), orders: new Map() };
      this.#members.push(member);
      member.thread.on('message', (report) => this.#hear(member, report as CompressionReport));
      member.thread.on('error', (error) => this.#fail(error));
      member.thread.on('exit', (code) => this.#fail(new Error(`a thread that compresses has ended with ${code}`)));
      return member;
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  #hear({ orders }: Member, report: CompressionReport): void {
    const pieces = orders.get(report.id) ?? [];
    orders.delete(report.id);
    if ('error' in report) for (const { reject } of pieces) reject(new Error(report.error));
    else for (const [index, packed] of splitPieces(report).entries()) pieces[index]?.resolve(packed);
    this.#dispatch();
  }

  /** Ends all that is under way; the first reason counts. */
  #fail(reason: unknown): void {
    this.#failure ??= reason instanceof Error ? reason : new Error(String(reason));
    const all = [...this.#waiting, ...this.#members.flatMap(({ orders }) => [...orders.values()].flat())];
    this.#waiting = [];
    for (const { orders } of this.#members) orders.clear();
    for (const { reject } of all) reject(this.#failure);
  }
}
