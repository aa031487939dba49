/** Finds blocks of zeroes, quickly. */

/** A run of blocks that are all zero, or none of which is. Positions count from the start of the bytes. */
export type VisitRun = (start: number, end: number, isZero: boolean) => void;

/**
 * Divides bytes into runs of zero and of other blocks. Blocks are those of the device: `blockBytes` long and aligned to
 * that, which for the first byte means `offsetInBlock` bytes into a block. Blocks that the bytes hold only in part
 * count like others.
 *
 * Fastest when the bytes lie in memory as they lie in the block, so that whole words can be compared.
 */
export function visitRuns(bytes: Uint8Array, blockBytes: number, offsetInBlock: number, visit: VisitRun): void {
  const words = alignedWords(bytes);
  let runStart = 0;
  let runIsZero: boolean | undefined;
  for (let start = 0, end = blockBytes - offsetInBlock; start < bytes.length; start = end, end += blockBytes) {
    const blockEnd = Math.min(end, bytes.length);
    const isZero = isZeroRange(bytes, words, start, blockEnd);
    if (isZero === runIsZero) continue;
    if (runIsZero !== undefined) visit(runStart, start, runIsZero);
    runStart = start;
    runIsZero = isZero;
  }
  if (runIsZero !== undefined) visit(runStart, bytes.length, runIsZero);
}

/**
 * The same, with runs of zeroes that are shorter than `joinBytes` counted with what is beside them. Bytes that are all zero are
 * a run of zeroes, however few they are.
 */
export function visitLongRuns(
  bytes: Uint8Array,
  blockBytes: number,
  offsetInBlock: number,
  joinBytes: number,
  visit: VisitRun,
): void {
  let dataStart = -1;
  let dataEnd = 0;
  visitRuns(bytes, blockBytes, offsetInBlock, (start, end, isZero) => {
    const isAll = start === 0 && end === bytes.length;
    if (isZero && (end - start >= joinBytes || isAll)) {
      if (dataStart >= 0) visit(dataStart, start, false);
      visit(start, end, true);
      dataStart = -1;
    } else {
      if (dataStart < 0) dataStart = start;
      dataEnd = end;
    }
  });
  if (dataStart >= 0) visit(dataStart, dataEnd, false);
}

/** The same memory as 32-bit words: from the first whole word on, at `first` bytes. */
interface Words {
  readonly view: Int32Array;
  readonly first: number;
}

/** A wider type would do more at a time, but 64-bit floats take -0 for 0, and bigints are slow. */
function alignedWords(bytes: Uint8Array): Words {
  const first = -bytes.byteOffset & 3;
  if (bytes.length < first + 4) return { view: new Int32Array(0), first: bytes.length };
  return { view: new Int32Array(bytes.buffer, bytes.byteOffset + first, (bytes.length - first) >>> 2), first };
}

function isZeroRange(bytes: Uint8Array, { view, first }: Words, start: number, end: number): boolean {
  // Most blocks that are not zero have another byte near their start.
  if (bytes[start] !== 0 || bytes[end - 1] !== 0) return false;
  const wordStart = Math.max(0, (start - first + 3) >> 2);
  const wordEnd = Math.max(wordStart, (end - first) >> 2);
  for (let index = start; index < Math.min(end, first + wordStart * 4); index++) if (bytes[index] !== 0) return false;
  for (let index = Math.max(start, first + wordEnd * 4); index < end; index++) if (bytes[index] !== 0) return false;
  let word = wordStart;
  for (; word + 8 <= wordEnd; word += 8) {
    const any =
      (view[word] as number) |
      (view[word + 1] as number) |
      (view[word + 2] as number) |
      (view[word + 3] as number) |
      (view[word + 4] as number) |
      (view[word + 5] as number) |
      (view[word + 6] as number) |
      (view[word + 7] as number);
    if (any !== 0) return false;
  }
  for (; word < wordEnd; word++) if (view[word] !== 0) return false;
  return true;
}
