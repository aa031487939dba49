import { seededRandom } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { RingReader, RingWriter, ringCapacity, ringControlBytes } from './byte-ring.ts';

function makeRing(capacityBytes = 16): { writer: RingWriter; reader: RingReader } {
  const buffer = new SharedArrayBuffer(ringControlBytes + capacityBytes);
  const memory = { buffer, controlOffset: 0, dataOffset: ringControlBytes, capacityBytes };
  return { writer: new RingWriter(memory), reader: new RingReader(memory) };
}

describe('a ring of bytes', () => {
  it('gives its memory in at most two pieces', () => {
    const { writer, reader } = makeRing();
    expect(writer.writable()).toHaveLength(16);
    expect(reader.readable()).toHaveLength(0);
    expect(writer.write(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10))).toBe(10);
    expect([...reader.readable()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    reader.release(9);
    expect(writer.free).toBe(15);
    expect(writer.writable()).toHaveLength(6);
    expect(writer.write(Uint8Array.from({ length: 20 }, (_, index) => 20 + index))).toBe(15);
    expect(writer.writable()).toHaveLength(0);
    expect([...reader.readable()]).toEqual([10, 20, 21, 22, 23, 24, 25]);
    reader.release(7);
    expect([...reader.readable()]).toEqual([26, 27, 28, 29, 30, 31, 32, 33, 34]);
  });

  it('keeps every byte in order, for all sizes', () => {
    const { writer, reader } = makeRing(64);
    const random = seededRandom(3);
    let written = 0;
    let read = 0;
    for (let round = 0; round < 5000; round++) {
      const chunk = Uint8Array.from({ length: Math.floor(random() * 100) }, (_, index) => written + index);
      written += writer.write(chunk);
      const piece = reader.readable();
      const count = Math.floor(random() * (piece.length + 1));
      for (let index = 0; index < count; index++) expect(piece[index]).toBe((read + index) & 0xff);
      reader.release(count);
      read += count;
      expect(written - read).toBe(reader.available);
      expect(writer.free).toBe(64 - (written - read));
    }
    expect(read).toBeGreaterThan(10_000);
  });

  it('survives the wrap of its counters at 2^32', () => {
    const { writer, reader } = makeRing();
    // As if almost 4 GiB had passed already.
    for (let passed = 0; passed < 2 ** 32 - 16; passed += 2 ** 30) {
      writer.commit(2 ** 30);
      reader.release(2 ** 30);
    }
    writer.commit(-6);
    reader.release(-6);
    expect(reader.available).toBe(0);
    expect(writer.free).toBe(16);
    expect(writer.write(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))).toBe(8);
    expect(reader.available).toBe(8);
    expect([...reader.readable()]).toEqual([1, 2, 3, 4, 5, 6]);
    reader.release(6);
    expect([...reader.readable()]).toEqual([7, 8]);
  });

  it('wakes the writer once, when half the ring is free', () => {
    const { writer, reader } = makeRing();
    writer.write(new Uint8Array(16));
    expect(reader.owesRoom()).toBe(false);
    writer.awaitRoom();
    reader.release(7);
    expect(reader.owesRoom()).toBe(false);
    reader.release(1);
    expect(reader.owesRoom()).toBe(true);
    expect(reader.owesRoom()).toBe(false);
  });

  it('is a power of two in size', () => {
    expect(ringCapacity(1)).toBe(4096);
    expect(ringCapacity(4097)).toBe(8192);
    expect(ringCapacity(1 << 20)).toBe(1 << 20);
    expect(ringCapacity(2 ** 40)).toBe(2 ** 30);
  });
});
