import type { ByteChannel } from '@nbdjs/interfaces';
import { beforeEach, describe, expect, it } from 'vitest';
import { BufferPool } from '../admission/buffer-pool.ts';
import { SendBuffer } from './send-buffer.ts';

/** Counts the buffers that are out. */
class CountingPool extends BufferPool {
  out = 0;

  override take(length: number): Uint8Array {
    this.out++;
    return super.take(length);
  }

  override giveBack(buffer: Uint8Array): void {
    this.out--;
    super.giveBack(buffer);
  }
}

const account = { takeAnyway: () => {}, giveBack: () => {} } as unknown as ConstructorParameters<typeof SendBuffer>[2];

describe('the memory that replies are written to', () => {
  let pool: CountingPool;
  let takesAtOnce: boolean;
  let sent: number[];
  let buffer: SendBuffer;

  beforeEach(() => {
    pool = new CountingPool(2 ** 20);
    takesAtOnce = true;
    sent = [];
    const send = (chunks: readonly Uint8Array[]): boolean => {
      sent.push(...chunks.flatMap((chunk) => [...chunk]));
      return takesAtOnce;
    };
    buffer = new SendBuffer({ send } as unknown as ByteChannel, pool, account);
  });

  function write(byte: number): void {
    buffer.reserve(1);
    buffer.view.setUint8(buffer.tail, byte);
    buffer.tail++;
  }

  it('is none before the first reply, and when all replies have left', () => {
    expect(pool.out).toBe(0);
    write(1);
    expect(pool.out).toBe(1);
    buffer.flush();
    expect(pool.out).toBe(0);
    write(2);
    buffer.flush();
    expect(pool.out).toBe(0);
    expect(sent).toEqual([1, 2]);
  });

  it('stays with a client for as long as the channel has not taken all of it', () => {
    takesAtOnce = false;
    write(1);
    buffer.flush();
    expect(pool.out).toBe(1);
    write(2);
    buffer.drained();
    expect(pool.out).toBe(1);
    buffer.flush();
    buffer.drained();
    expect(pool.out).toBe(0);
    expect(sent).toEqual([1, 2]);
  });

  it('is given back when the client is gone, and nothing is sent any more', () => {
    write(1);
    buffer.end();
    expect(pool.out).toBe(0);
    write(2);
    buffer.flush();
    expect(sent).toEqual([]);
    expect(pool.out).toBe(0);
  });
});
