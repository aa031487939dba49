/** Blocks in order, of which the next ones are read while the caller works on one. */

/** Names blocks; a block begins at `index * size`. */
export type IndexGenerator = () =>
  | Iterable<{ readonly index: number; readonly size: number }>
  | AsyncIterable<{ readonly index: number; readonly size: number }>;

/** Yields blocks in the order of their names, and keeps up to `readAhead` reads under way. The first error ends it. */
export async function* readAheadOf(
  generator: IndexGenerator,
  read: (index: number, size: number) => Promise<Buffer>,
  readAhead: number,
): AsyncGenerator<Buffer> {
  const reads: Promise<Buffer>[] = [];
  for await (const { index, size } of generator()) {
    if (reads.length >= Math.max(1, readAhead)) yield reads.shift() as Promise<Buffer>;
    const block = read(index, size);
    // Its error is thrown when its turn comes, which may be never when the caller stops before.
    block.catch(() => {});
    reads.push(block);
  }
  yield* reads;
}

/** Names all blocks of an export of that size in bytes. */
export function* blocksOf(exportSize: bigint, size: number): Generator<{ index: number; size: number }> {
  const count = Number((exportSize + BigInt(size) - 1n) / BigInt(size));
  for (let index = 0; index < count; index++) yield { index, size };
}
