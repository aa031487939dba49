/** What devices in memory have in common. */
import { type Abilities, baseAllocation, type MemoryPiece, type ReadOptions, UsageError } from '@nbdjs/interfaces';

/** Extents in one answer. */
export const extentsMax = 4096;

export function memoryAbilities(readOnly: boolean): Abilities {
  return {
    readOnly,
    flush: true,
    fua: !readOnly,
    trim: !readOnly,
    writeZeroes: !readOnly,
    fastZero: !readOnly,
    cache: true,
    multiConn: true,
    rotational: false,
    contexts: [baseAllocation],
  };
}

/** @throws UsageError for a device that refuses to be changed. */
export function requireWritable({ readOnly }: Abilities): void {
  if (readOnly) throw new UsageError('ERR_NBD_READ_ONLY', 'the device is read-only');
}

/** Reads a piece to a position of the target. Returns how many bytes it has. */
export function readPiece(
  piece: MemoryPiece,
  target: Uint8Array,
  position: number,
  options: ReadOptions | undefined,
): number {
  const isHole = !(piece instanceof Uint8Array);
  const byteCount = isHole ? piece.holeBytes : piece.length;
  if (isHole) target.fill(0, position, position + byteCount);
  else target.set(piece, position);
  options?.onChunk?.({ type: isHole ? 'hole' : 'data', position, length: byteCount });
  return byteCount;
}
