/** Records that are written field by field are those that are made of parts. */
import { describe, expect, it } from 'vitest';
import { encodeNumbers, encodeRecord } from './record.ts';
import { RecordWriter } from './record-writer.ts';

describe('a writer of records', () => {
  it.each([0, 1, 470, 490, 500, 511, 512, 70_000])('writes the same with %i bytes at the end', (byteCount) => {
    const part = Uint8Array.from({ length: byteCount }, (_, at) => at % 251);
    const writer = new RecordWriter();
    const record = writer
      .begin(0x41)
      .uint64(2 ** 40 + 5)
      .uint64(2n ** 64n - 2n)
      .bytes(part)
      .uint32(2 ** 32 - 1)
      .uint16(515)
      .uint8(7)
      .finish();
    const before = encodeNumbers([8, 2 ** 40 + 5], [8, 2n ** 64n - 2n]);
    const behind = encodeNumbers([4, 2 ** 32 - 1], [2, 515], [1, 7]);
    expect([...record]).toEqual([...encodeRecord(0x41, before, part, behind)]);
  });

  it('uses its memory again', () => {
    const writer = new RecordWriter();
    const first = writer.begin(1).bytes(new Uint8Array(100).fill(1)).finish();
    const second = writer.begin(2).uint8(3).finish();
    expect(second.buffer).toBe(first.buffer);
    expect([...second]).toEqual([...encodeRecord(2, Uint8Array.of(3))]);
  });
});
