/** Records: what goes in comes out however it is cut, and what is damaged does not. */
import { describe, expect, it } from 'vitest';
import { concatenate } from '../memory/concatenate.ts';
import { encodeNumbers, encodeRecord, type RawRecord, RecordSplitter } from './record.ts';

const bodies = [0, 1, 4, 5, 300].map((length) => Uint8Array.from({ length }, (_, at) => at % 251));
const wire = concatenate(
  bodies.map((body, index) => encodeRecord(0x41 + index, body.subarray(0, 2), body.subarray(2))),
);

function split(pieces: readonly Uint8Array[], bodyBytesMax = 300) {
  const splitter = new RecordSplitter({ position: 8, bodyBytesMax });
  const records: RawRecord[] = [];
  for (const piece of pieces) records.push(...splitter.push(piece));
  return { splitter, records };
}

const inPieces = (bytes: Uint8Array, pieceBytes: number): Uint8Array[] =>
  Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, at) =>
    bytes.subarray(at * pieceBytes, (at + 1) * pieceBytes),
  );

describe('records', () => {
  it.each([1, 2, 7, 100, 10_000])('are found in pieces of %i bytes', (pieceBytes) => {
    const { splitter, records } = split(inPieces(wire, pieceBytes));
    expect(records.map(({ type }) => type)).toEqual([0x41, 0x42, 0x43, 0x44, 0x45]);
    expect(records.map(({ body }) => [...body])).toEqual(bodies.map((body) => [...body]));
    expect([...concatenate(records.map(({ bytes }) => bytes))]).toEqual([...wire]);
    expect(splitter).toMatchObject({ position: 8 + wire.length, isWithin: false, damage: undefined });
  });

  it('know how far they are whole', () => {
    const { splitter, records } = split([wire.subarray(0, 25)]);
    expect(records).toHaveLength(2);
    expect(splitter).toMatchObject({ position: 8 + 19, isWithin: true, damage: undefined });
  });

  it('notice every flipped bit, and read nothing behind it', () => {
    for (let at = 0; at < wire.length; at++) {
      const damaged = wire.slice();
      damaged[at] = (damaged[at] as number) ^ (1 << (at % 8));
      const { splitter, records } = split(inPieces(damaged, 50));
      expect(records.length).toBeLessThan(5);
      const isLonger = splitter.isWithin && splitter.damage === undefined;
      expect(isLonger || /checksum|expected at most 300/.test(splitter.damage ?? '')).toBe(true);
    }
  });

  it('are not longer than allowed', () => {
    const { splitter, records } = split([wire], 299);
    expect(records).toHaveLength(4);
    expect(splitter.damage).toBe('a record has 300 bytes, expected at most 299');
  });

  it('have numbers in network byte order', () => {
    const bytes = encodeNumbers([1, 1], [2, 2], [4, 3], [8, 2n ** 63n + 4n]);
    expect([...bytes]).toEqual([1, 0, 2, 0, 0, 0, 3, 0x80, 0, 0, 0, 0, 0, 0, 4]);
  });
});
