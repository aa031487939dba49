/** A device that is continued with zeroes. */
import {
  type BlockDevice,
  type BlockStatusOptions,
  baseAllocation,
  type MetaContextExtents,
  type Offset,
  type ReadOptions,
} from '@nbdjs/interfaces';
import { Layer } from '@nbdjs/kit';

/** Reads as the device below, and behind its end as zeroes. For reading only, and inside of its new size. */
export class PaddedDevice extends Layer {
  readonly #hasMap: boolean;

  constructor(inner: BlockDevice, size: bigint) {
    const { abilities } = inner;
    super(inner, {
      passes: [],
      geometry: (below) => ({ ...below, size }),
      abilities: { ...abilities, readOnly: true, contexts: [baseAllocation] },
    });
    this.#hasMap = abilities.contexts.includes(baseAllocation);
  }

  override read(offset: Offset, target: Uint8Array, options?: ReadOptions): void | Promise<void> {
    const inside = this.inner.geometry.size - BigInt(offset);
    if (inside >= target.length) return this.inner.read(offset, target, options);
    const split = inside > 0n ? Number(inside) : 0;
    target.fill(0, split);
    return split === 0 ? undefined : this.inner.read(offset, target.subarray(0, split), options);
  }

  override blockStatus(
    offset: Offset,
    length: Offset,
    options: BlockStatusOptions = {},
  ): readonly MetaContextExtents[] | Promise<readonly MetaContextExtents[]> {
    const start = BigInt(offset);
    const inside = this.inner.geometry.size - start;
    const asked = BigInt(length);
    if (inside <= 0n) return allOf(start, asked, 3n);
    const known = inside < asked ? inside : asked;
    return this.#hasMap ? this.inner.blockStatus(offset, known, options) : allOf(start, known, 0n);
  }
}

function allOf(offset: bigint, length: bigint, status: bigint): readonly MetaContextExtents[] {
  return [{ context: baseAllocation, extents: [{ offset, length, status }] }];
}
