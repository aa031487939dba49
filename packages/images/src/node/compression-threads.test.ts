import { EventEmitter } from 'node:events';
import { seededRandom } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { type CompressionOrder, joinPieces, splitPieces } from './compression-thread.ts';
import { type CompressionThread, createCompressionThreads } from './compression-threads.ts';
import { nodeCodecs } from './node-codecs.ts';

/** A thread that a test answers for. */
class FakeThread extends EventEmitter implements CompressionThread {
  readonly orders: CompressionOrder[] = [];
  isEnded = false;

  postMessage(order: unknown): void {
    this.orders.push(order as CompressionOrder);
  }

  /** Carries out the oldest order: "compressed" is each piece backwards. */
  answer(): void {
    const { id, ...pieces } = this.orders.shift() as CompressionOrder;
    this.emit('message', { id, ...joinPieces(splitPieces(pieces).map((piece) => piece.toReversed())) });
  }

  async terminate(): Promise<number> {
    this.isEnded = true;
    return 1;
  }
}

function setUp(threads: number) {
  const started: FakeThread[] = [];
  const pool = createCompressionThreads({
    threads,
    always: true,
    startThread: () => {
      const thread = new FakeThread();
      started.push(thread);
      return thread;
    },
  });
  const compress = (bytes: Uint8Array, level?: number) => Promise.resolve(pool.codecs.zstdCompress?.(bytes, level));
  return { pool, started, compress };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const pieceOf = (index: number) => Uint8Array.of(index, 0, 0, index + 1);

describe('threads that compress', () => {
  it('answer each caller with its own piece, in whatever order they come', async () => {
    const { started, compress } = setUp(3);
    const random = seededRandom(5);
    const results = Array.from({ length: 100 }, (_, index) => compress(pieceOf(index)));
    await turn();
    expect(started).toHaveLength(3);
    while (started.some(({ orders }) => orders.length > 0)) {
      const busy = started.filter(({ orders }) => orders.length > 0);
      busy[Math.floor(random() * busy.length)]?.answer();
      expect(
        started.every(({ orders }) => orders.length <= 2 && orders.every(({ lengths }) => lengths.length <= 8)),
      ).toBe(true);
    }
    expect(await Promise.all(results)).toEqual(results.map((_, index) => Uint8Array.of(index + 1, 0, 0, index)));
  });

  it('are started only when there is work for them, and leave the memory of the caller alone', async () => {
    const { pool, started, compress } = setUp(4);
    await turn();
    expect(started).toHaveLength(0);
    const bytes = pieceOf(1);
    const work = compress(bytes);
    await turn();
    bytes.fill(9);
    expect(started).toHaveLength(1);
    started[0]?.answer();
    expect(await work).toEqual(Uint8Array.of(2, 0, 0, 1));
    await pool.close();
    expect(started[0]?.isEnded).toBe(true);
  });

  it('get pieces of different levels in different orders', async () => {
    const { started, compress } = setUp(1);
    void Promise.allSettled([compress(pieceOf(1), 1), compress(pieceOf(2), 1), compress(pieceOf(3), 9)]);
    await turn();
    expect(started[0]?.orders.map(({ level, lengths }) => [level, lengths.length])).toEqual([
      [1, 2],
      [9, 1],
    ]);
  });

  it.each<[string, (thread: FakeThread) => void, RegExp]>([
    ['an error', (thread) => thread.emit('error', new Error('no module')), /no module/],
    ['its end', (thread) => thread.emit('exit', 3), /has ended with 3/],
  ])('fail as a whole after %s of one', async (_, break_, message) => {
    const { started, compress, pool } = setUp(2);
    const results = Promise.allSettled(Array.from({ length: 50 }, (_, index) => compress(pieceOf(index))));
    await turn();
    break_(started[1] as FakeThread);
    for (const outcome of await results)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { message: expect.stringMatching(message) } });
    await expect(compress(pieceOf(1))).rejects.toThrow(message);
    await pool.close();
    expect(started.every(({ isEnded }) => isEnded)).toBe(true);
  });

  it('fail one order where the work itself fails, and what is under way when they are closed', async () => {
    const { started, compress, pool } = setUp(1);
    const first = compress(pieceOf(1));
    await turn();
    started[0]?.emit('message', { id: started[0].orders.shift()?.id, error: 'level 99' });
    await expect(first).rejects.toThrow('level 99');
    const second = compress(pieceOf(2));
    await turn();
    await pool.close();
    await expect(second).rejects.toMatchObject({ code: 'ERR_NBD_CLOSED' });
  });

  it('leave all other codecs as they are', () => {
    const { codecs } = setUp(1).pool;
    expect({ ...codecs, zstdCompress: undefined }).toEqual({ ...nodeCodecs, zstdCompress: undefined });
  });
});
