/** Work on the parts of a disk in pieces, several at a time. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { ReadAhead } from '@nbdjs/kit';

/** A range of a disk that is read and written at once. */
export interface Piece {
  readonly offset: number;
  readonly length: number;
  readonly isZero: boolean;
}

const pieceBytes = 2 ** 20;
const zeroPieceBytes = 2 ** 28;
const parallel = 8;

/** Does `work` with the pieces of all ranges, in memory that is bounded. */
export async function inPieces<One extends Piece>(
  ranges: AsyncGenerator<One>,
  signal: AbortSignal | undefined,
  work: (piece: One) => Promise<void>,
): Promise<void> {
  const pieces = piecesOf(ranges);
  const going = new ReadAhead<true>(parallel, async () => {
    signal?.throwIfAborted();
    const { done, value } = await pieces.next();
    return done === true ? undefined : { result: work(value).then(() => true as const) };
  });
  try {
    while ((await going.next()) !== undefined) signal?.throwIfAborted();
  } finally {
    await going.settled();
    await pieces.return(undefined);
  }
}

async function* piecesOf<One extends Piece>(ranges: AsyncGenerator<One>): AsyncGenerator<One, undefined> {
  for await (const range of ranges) {
    const { offset, length, isZero } = range;
    const most = isZero ? zeroPieceBytes : pieceBytes;
    for (let at = offset; at < offset + length; ) {
      // Pieces end where a piece of the disk would, so that clusters are not cut.
      const end = Math.min(offset + length, (Math.floor(at / most) + 1) * most);
      yield { ...range, offset: at, length: end - at };
      at = end;
    }
  }
  return undefined;
}

/** Makes a range read as zeroes. */
export async function zeroRange(
  device: BlockDevice,
  offset: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (device.abilities.writeZeroes) {
    await device.writeZeroes(offset, length, { signal });
    return;
  }
  for (let at = 0; at < length; at += pieceBytes) {
    await device.write(offset + at, new Uint8Array(Math.min(pieceBytes, length - at)), { signal });
  }
}
