import { describe, expect, it } from 'vitest';
import { ChunkMemory } from './chunk-memory.ts';

describe('the memory of chunks', () => {
  it('keeps what was used last', () => {
    const memory = new ChunkMemory(32);
    for (const id of ['a', 'b', 'c', 'd']) memory.keep(id, new Uint8Array(8));
    expect(memory.get('a')).toHaveLength(8);
    memory.keep('e', new Uint8Array(8));
    expect(['a', 'b', 'c', 'd', 'e'].filter((id) => memory.get(id) !== undefined)).toEqual(['a', 'c', 'd', 'e']);
    expect(memory.bytes).toBe(32);
  });

  it('forgets chunks of one piece together, and counts all of its memory', () => {
    const memory = new ChunkMemory(64);
    const piece = new Uint8Array(8);
    memory.keepTogether(
      new Map([
        ['a', piece.subarray(0, 3)],
        ['b', piece.subarray(4, 7)],
      ]),
      8,
    );
    expect(memory.bytes).toBe(8);
    expect(memory.get('b')?.buffer).toBe(piece.buffer);
    for (const id of ['c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']) memory.keep(id, new Uint8Array(8));
    expect([memory.get('a'), memory.get('b'), memory.bytes]).toEqual([undefined, undefined, 64]);
  });

  it('copies the chunks of a piece that is too large to be kept as a whole', () => {
    const memory = new ChunkMemory(64);
    const piece = new Uint8Array(16);
    memory.keepTogether(new Map([['a', piece.subarray(0, 4)]]), 16);
    expect(memory.get('a')?.buffer.byteLength).toBe(4);
    expect(memory.bytes).toBe(4);
  });

  it('has the newer bytes of a chunk that came twice, also when the older ones are forgotten', () => {
    const memory = new ChunkMemory(16);
    memory.keep('a', new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]));
    memory.keep('a', new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0]));
    memory.keep('b', new Uint8Array(8));
    expect(memory.get('a')?.[0]).toBe(2);
    expect(memory.bytes).toBe(16);
  });
});
