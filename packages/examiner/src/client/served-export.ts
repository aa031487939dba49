/** The export that clients are served: data, a hole in it, and what they write, in memory. */
import { AllocationStatus, type BlockSizes } from '@nbdjs/interfaces';
import { isZero } from '@nbdjs/kit';
import { Command, TransmissionFlag, WireError } from '@nbdjs/protocol';
import type { RequestFields } from './served-request.ts';

/** In bytes: enough for several requests of every client, and little enough to be read in no time. */
export const exportBytes = 1024 * 1024;

/** What the server can keep its word about. */
export const usualTransmissionFlags =
  TransmissionFlag.HasFlags |
  TransmissionFlag.SendFlush |
  TransmissionFlag.SendFua |
  TransmissionFlag.SendTrim |
  TransmissionFlag.SendWriteZeroes |
  TransmissionFlag.CanMultiConn;

export const usualBlockSizes: BlockSizes = { minimum: 1, preferred: 4096, maximum: 32 * 2 ** 20 };

/** The second quarter is a hole. */
const [holeStart, holeEnd] = [exportBytes / 4, exportBytes / 2];

/** The state of extents is told for so many bytes at a time. */
const granuleBytes = 65_536;

/** One export, as one client sees it. */
export class ServedExport {
  /** In bytes. */
  readonly size = BigInt(exportBytes);
  readonly #bytes = new Uint8Array(exportBytes);

  constructor() {
    for (let index = 0; index < exportBytes; index++) {
      if (index < holeStart || index >= holeEnd) this.#bytes[index] = 1 + ((index ^ (index >> 9)) % 251);
    }
  }

  /** Carries out a request that is not a READ or BLOCK_STATUS, and returns its error. */
  apply({ command, offset, length, payload }: RequestFields): number {
    if (offset + length > BigInt(exportBytes)) return command === Command.Write ? WireError.Enospc : WireError.Einval;
    const [start, end] = [Number(offset), Number(offset + length)];
    if (command === Command.Write) this.#bytes.set(payload, start);
    else if (command === Command.Trim || command === Command.WriteZeroes) this.#bytes.fill(0, start, end);
    else if (command !== Command.Flush && command !== Command.Cache) return WireError.Einval;
    return 0;
  }

  /** Copies bytes out; `undefined` when they are not there. */
  read({ offset, length }: RequestFields): Uint8Array | undefined {
    if (offset + length > BigInt(exportBytes)) return undefined;
    return this.#bytes.slice(Number(offset), Number(offset + length));
  }

  /** The extents of a range that lies inside of the export. */
  extents(offset: bigint, length: bigint): readonly { readonly length: bigint; readonly status: bigint }[] {
    const found: { length: bigint; status: bigint }[] = [];
    const end = Number(offset + length);
    for (let start = Number(offset); start < end; ) {
      const next = Math.min(end, start - (start % granuleBytes) + granuleBytes);
      const isHole = isZero(this.#bytes.subarray(start, next));
      const status = isHole ? BigInt(AllocationStatus.Hole | AllocationStatus.Zero) : 0n;
      const last = found.at(-1);
      if (last !== undefined && last.status === status) last.length += BigInt(next - start);
      else found.push({ length: BigInt(next - start), status });
      start = next;
    }
    return found;
  }
}
