/** The blocks that a range of a disk touches, with the part of each. */
export function* blocksOf(
  blockBytes: number,
  start: number,
  end: number,
): Generator<readonly [block: number, from: number, to: number]> {
  for (let position = start; position < end; ) {
    const block = Math.floor(position / blockBytes);
    const from = position - block * blockBytes;
    const to = Math.min(blockBytes, end - block * blockBytes);
    yield [block, from, to];
    position += to - from;
  }
}
