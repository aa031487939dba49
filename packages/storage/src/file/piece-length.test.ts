import { expect, it } from 'vitest';
import { firstPieceBytes, PieceLength } from './piece-length.ts';

const mebi = 2n ** 20n;

/** Works on a range whose bytes take `msPerMebi`; gives the pieces, in bytes. */
function work(start: bigint, end: bigint, msPerMebi: (position: bigint) => number): bigint[] {
  const length = new PieceLength();
  const pieces: bigint[] = [];
  for (let position = start; position < end; ) {
    const next = length.endOf(position, end);
    pieces.push(next - position);
    length.took((Number(next - position) / 2 ** 20) * msPerMebi(position));
    position = next;
  }
  expect(pieces.reduce((sum, piece) => sum + piece, 0n)).toBe(end - start);
  return pieces;
}

it('B2: what takes no time is done in few pieces', () => {
  const pieces = work(0n, 2n ** 50n, () => 0);
  expect(pieces[0]).toBe(BigInt(firstPieceBytes));
  expect(pieces.length).toBeLessThan(70_000);
  expect(work(0n, 2n ** 40n, () => 0).length).toBeLessThan(100);
});

it('B2: what takes long is done in pieces that hold up others for some milliseconds only', () => {
  const pieces = work(0n, 1024n * mebi, () => 50);
  expect(pieces.slice(3).every((piece) => Number(piece / 1024n) * (50 / 1024) <= 20)).toBe(true);
  expect(pieces.length).toBeLessThan(5000);
  // Nothing is cut smaller than that.
  expect(Math.min(...work(0n, 4n * mebi, () => 1e6).map(Number))).toBe(65_536);
});

it('B2: the length follows the file, and pieces end at multiples of it', () => {
  const pieces = work(12_345n, 4096n * mebi + 17n, (position) => (position < 2048n * mebi ? 0 : 10));
  let position = 12_345n;
  for (const piece of pieces.slice(0, -1)) {
    position += piece;
    expect(position % 65_536n).toBe(0n);
  }
  // A piece of 2 GiB takes 20 s here, if it is not cut in time.
  expect(pieces.filter((piece) => piece > 2n * mebi).length).toBeLessThan(20);
});
